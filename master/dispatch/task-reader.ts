// Reading stored tasks, for the routes.

import { Problem } from '../../shared/protocol/problems.ts'
import type { ListQuery, Page, Store, TaskRecord, TaskStatus } from '../store/store.ts'

export type { TaskRecord }

export type TaskReader = {
  /** Throws `no-such-task`. */
  get(id: string): Promise<TaskRecord>
  list(query: ListQuery): Promise<Page>
  counts(): Promise<Record<TaskStatus, number>>
}

export const createTaskReader = (store: Store): TaskReader => ({
  async get(id) {
    const record = await store.get(id)
    if (!record) throw new Problem('no-such-task', `there is no task ${id.slice(0, 64)}`)
    return record
  },
  list: (query) => store.list(query),
  counts: () => store.counts(),
})
