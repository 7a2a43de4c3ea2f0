// What a turn must save, and what may be said only after it is saved. One commit is under way at a
// time; what comes meanwhile goes into the next one.
//
//   batch:  gathering --> in commit --> saved: its effects go out
//                             |
//                             +--> disk full: new tasks are taken back, the rest is tried again

import type { Clock } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { TaskEvent } from '../core/events.ts'
import type { AfterCommit } from '../core/messages.ts'
import { Committed } from '../core/messages.ts'
import type { Task } from '../core/state.ts'
import type { Change, Store } from '../store/store.ts'
import { StoreFullError } from '../store/store.ts'

/** After a full disk: what must not be lost is tried again this often. In milliseconds. */
const FULL_RETRY_MS = 500

/** A change of a task, to be told once it is saved. */
export type TaskChanged = { do: 'task-changed'; task: Task; event: TaskEvent }

type After = AfterCommit | TaskChanged
type Batch = { tasks: Set<Task>; changes: Change[]; after: After[] }

const committed = new Committed()

const emptyBatch = (): Batch => ({ tasks: new Set(), changes: [], after: [] })

export type GroupCommit = ReturnType<typeof createGroupCommit>

export function createGroupCommit(given: {
  store: Store
  clock: Clock
  /** How a task is written now; null when there is nothing to write. */
  changeOf: (task: Task) => Change | null
  /** These are durable. */
  onSaved: (tasks: Iterable<Task>) => void
  /** Performs these: all that came before them is saved. */
  release: (effects: After[], committed: Committed) => void
  /** A commit of so many tasks took so long, in milliseconds. */
  onCommit?: (ms: number, tasks: number) => void
  /** The disk had no space for these new tasks; no client has been told that they were accepted. */
  onNoRoom: (tasks: Task[]) => void
  /** What is on the disk is unknown: the master must stop. */
  onBroken: (error: Error) => void
}) {
  const { store, clock } = given
  let gathering = emptyBatch()
  let committing = false
  let full = false
  let broken = false
  const waiting: (() => void)[] = []
  const pacing: (() => void)[] = []

  return {
    task: (task: Task): void => void gathering.tasks.add(task),
    change: (change: Change): void => void gathering.changes.push(change),
    /** Goes out when all that came before it is saved; at once when nothing is unsaved. */
    after: (effect: After): void => void gathering.after.push(effect),
    /** Commits what has been gathered, unless a commit is under way: then that is followed. */
    flush,
    get isFull() {
      return full
    },
    get isIdle() {
      return isIdle()
    },
    /**
     * Resolves after the next turn, when the commit that is under way then has ended; or the disk
     * is full. Callers that save many tasks await this between portions.
     */
    async paced(): Promise<void> {
      await new Promise<void>((resolve) => clock.soon(resolve))
      if (committing && !full) await new Promise<void>((resolve) => pacing.push(resolve))
    },
    /** Resolves when everything is saved, or cannot be now: the disk is full, the store broken. */
    settled(): Promise<void> {
      return new Promise((resolve) => {
        waiting.push(resolve)
        settle()
      })
    },
  }

  function isIdle(): boolean {
    return !committing && gathering.tasks.size === 0 && gathering.changes.length === 0
  }

  function settle(): void {
    if (!isIdle() && !full && !broken) return
    for (const resolve of waiting.splice(0)) resolve()
  }

  function flush(): void {
    if (committing || broken) return
    const batch = gathering
    gathering = emptyBatch()
    if (batch.tasks.size === 0 && batch.changes.length === 0) {
      if (batch.after.length > 0) given.release(batch.after, committed)
      return
    }
    commit(batch)
  }

  function commit(batch: Batch): void {
    committing = true
    const began = clock.now()
    store.commit(changesOf(batch), (error) => {
      committing = false
      for (const resolve of pacing.splice(0)) resolve()
      given.onCommit?.(clock.now() - began, batch.tasks.size)
      if (!error) return saved(batch)
      if (error instanceof StoreFullError) return noRoom(batch)
      broken = true
      settle()
      given.onBroken(error)
    })
  }

  function changesOf({ tasks, changes }: Batch): Change[] {
    const all = [...changes]
    for (const task of tasks) {
      const change = given.changeOf(task)
      if (change) all.push(change)
    }
    return all
  }

  function saved(batch: Batch): void {
    full = false
    given.onSaved(batch.tasks)
    if (batch.after.length > 0) given.release(batch.after, committed)
    flush()
    settle()
  }

  /** New tasks are refused; the rest of the batch must not be lost, and waits for room. */
  function noRoom(batch: Batch): void {
    const isNew = (task: Task): boolean => given.changeOf(task)?.do === 'insert'
    const refused = [...batch.tasks].filter(isNew)
    for (const task of refused) batch.tasks.delete(task)
    const gone = new Set(refused)
    const after = batch.after.filter((effect) => !('task' in effect && gone.has(effect.task)))
    const rest = { ...batch, after }
    const wasFull = full
    full = true
    settle()
    given.onNoRoom(refused)
    if (refused.length > 0 && !wasFull) return commit(rest)
    committing = true
    clock.at(later(clock.now(), FULL_RETRY_MS), () => commit(rest))
  }
}
