// What tasks carry and the core does not know: inputs, tags, keys. In memory while a task is live
// and small, in the store always once it is saved.

import type { Task } from '../core/state.ts'
import type { Change, Store } from '../store/store.ts'
import type { Payload } from './task-records.ts'
import { insertOf, updateOf } from './task-records.ts'
import { isPart } from './task-work.ts'

/** A saved input longer than this is read from the store again when it is needed. In characters. */
const IN_MEMORY_CHARS_MAX = 2_048

export type TaskPayloads = ReturnType<typeof createTaskPayloads>

export function createTaskPayloads(store: Store) {
  /** Of live tasks. A saved task whose input was long has none. */
  const payloads = new Map<string, { payload: Payload; isSaved: boolean }>()
  /** Of live tasks whose clients said so. */
  const traces = new Map<string, string>()

  return {
    add(id: string, payload: Payload): void {
      payloads.set(id, { payload, isSaved: false })
      if (payload.trace !== null) traces.set(id, payload.trace)
    },

    /** Of a task from the store. */
    addTrace(id: string, trace: string): void {
      traces.set(id, trace)
    },

    /** The trace of a live task, as its client said; null when it did not. */
    traceOf: (id: string): string | null => traces.get(id) ?? null,

    /** Whose a live task is, and whether it is a part of a job; undefined when it is not in memory. */
    clientOf(id: string): { client: string | null; isPart: boolean } | undefined {
      const known = payloads.get(id)
      return known && { client: known.payload.client, isPart: isPart(known.payload.work) }
    },

    /** Its end has been reported: its trace is not needed any more. */
    ended: (id: string): void => void traces.delete(id),

    drop(id: string): void {
      payloads.delete(id)
      traces.delete(id)
    },

    /** Hands over input and work, at once when in memory; undefined when there is no such task. */
    read(id: string, take: (payload: Pick<Payload, 'input' | 'work'> | undefined) => void): void {
      const known = payloads.get(id)
      if (known) return take(offered(known.payload))
      store.get(id).then(
        (record) => take(record && offered(record)),
        () => take(undefined),
      )
    },

    /** How a task is written now. */
    changeOf(task: Task): Change | null {
      if (task.stage.is === 'refused') return null
      const known = payloads.get(task.id)
      return known && !known.isSaved ? insertOf(task, known.payload) : updateOf(task)
    },

    /** They are in the store: what is long or no longer needed leaves the memory. */
    saved(tasks: Iterable<Task>): void {
      for (const task of tasks) {
        const known = payloads.get(task.id)
        if (!known) continue
        known.isSaved = true
        if (task.stage.is === 'ended' || charsOf(known.payload) > IN_MEMORY_CHARS_MAX) {
          payloads.delete(task.id)
        }
      }
    },
  }
}

/** Nothing else of a record: an offer has an attempt of its own. */
const offered = ({ input, work }: Pick<Payload, 'input' | 'work'>) => ({ input, work })

const charsOf = ({ input, work }: Payload): number => input.length + (work?.length ?? 0)
