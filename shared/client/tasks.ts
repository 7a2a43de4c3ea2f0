// Tasks as a client of a master submits and reads them.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TaskOptions } from '../protocol/api/task-body.ts'
import type * as api from '../protocol/api/tasks.ts'
import type { AcceptedTask, Explanation, TaskFilter, Trail } from '../protocol/api/tasks.ts'
import { hasEnded } from '../protocol/statuses.ts'
import type { Connection, Manners } from './connection.ts'
import { queryOf } from './connection.ts'
import { isProblem, NoResultError } from './errors.ts'
import type { TaskKinds } from './kinds.ts'
import type { About, Done, Failed } from './outcome.ts'

/** What to do: an expression, or the input of any kind. */
export type TaskRequest<K extends string = string> = TaskOptions &
  (
    | TaskKinds['expression']['input']
    | { kind: K; input: K extends keyof TaskKinds ? TaskKinds[K]['input'] : unknown }
  )

type ResultOf<K extends string> = K extends keyof TaskKinds ? TaskKinds[K]['result'] : unknown

type Open = { status: 'pending' | 'in progress' }
type Dropped = { status: 'cancelled' | 'expired' }
export type Outcome<R = unknown> = Done<R> | Failed<api.Task, R> | Dropped

/** A task that the master has promised, and that may not have ended. */
export type Accepted<R = unknown> = Pick<AcceptedTask, 'id' | 'slave' | 'asked'> & {
  /** The master had it before: the request was a repetition. */
  replayed: boolean
} & (Open | Outcome<R>)

/** A task in a list: fields that are too long for a list are left out, and named in `omitted`. */
export type TaskSummary<R = unknown> = About<api.TaskSummary> & (Open | Listed<Outcome<R>>)
type Listed<O> = O extends { status: infer S } ? { status: S } & Partial<Omit<O, 'status'>> : never
export type Task<R = unknown> = About<api.Task> & (Open | Outcome<R>)
/** A task that has ended: nothing of it changes any more. */
export type EndedTask<R = unknown> = About<api.Task> & Outcome<R>

export type SubmitManners = Manners & {
  /** A repetition with the same key gives the same task. A new one for each submission by default. */
  idempotencyKey?: string
  /** How long the master holds the request, first for a slave, then for the result. Default 0. */
  waitMs?: number
}
export type WaitManners = Manners & {
  /** For how long; for as long as it takes when not given. */
  timeoutMs?: number
}

/** One request waits this long for an end, then another does. In milliseconds. */
const HOLD_MS = 25_000
/** Between two questions that were answered at once. */
const REST_MS = 500

/** A master that does not hold requests (--wait-ms-max 0) is not asked without rest. */
export async function restAfter(asked: number, waitMs: number, signal?: AbortSignal) {
  if (performance.now() - asked < Math.min(waitMs, REST_MS)) {
    await sleep(REST_MS, undefined, signal ? { signal } : {})
  }
}

/** Reads a task or job until it has ended. One that has not within `timeoutMs` is given as it stands. */
export async function untilEnded<Document extends { status: string }>(
  of: string | { id: string },
  get: (id: string, manners: Manners & { waitMs: number }) => Promise<Document>,
  { timeoutMs = Number.POSITIVE_INFINITY, ...manners }: WaitManners,
): Promise<Document> {
  const id = typeof of === 'string' ? of : of.id
  const until = performance.now() + timeoutMs
  for (;;) {
    const waitMs = Math.max(0, Math.min(HOLD_MS, until - performance.now()))
    const asked = performance.now()
    const now = await get(id, { ...manners, waitMs })
    if (hasEnded(now) || performance.now() >= until) return now
    await restAfter(asked, waitMs, manners.signal)
  }
}

/** What was cancelled, perhaps by an earlier try of this very request, whose response was lost. */
export async function cancelledBy<Document extends { status: string }>(
  request: Promise<{ value: Document }>,
  get: () => Promise<Document>,
): Promise<Document> {
  try {
    return (await request).value
  } catch (error) {
    if (!isProblem(error, 'already-ended')) throw error
    const ended = await get()
    if (ended.status === 'cancelled') return ended
    throw error
  }
}

export function createTasks({ json }: Connection) {
  const at = (id: string): string => `/tasks/${encodeURIComponent(id)}`
  const get = async <R = unknown>(id: string, manners: Manners & { waitMs?: number } = {}) =>
    (await json<Task<R>>({ method: 'GET', path: at(id), ...manners })).value

  /** Waits until a task has ended. Of one that has not within `timeoutMs`: as it stands. */
  const wait = <R = unknown>(
    task: string | Accepted<R>,
    manners: WaitManners = {},
  ): Promise<Task<R>> => untilEnded(task, get<R>, manners)

  async function post<R>(path: string, request: unknown, manners: SubmitManners) {
    const { idempotencyKey = randomUUID(), ...rest } = manners
    const headers = { 'idempotency-key': idempotencyKey }
    const said = { method: 'POST', path, headers, repeatable: true, ...rest } as const
    const { value, answer } = await json<Accepted<R>>(
      request === undefined ? said : { ...said, json: request },
    )
    return { ...value, replayed: answer.headers['idempotency-replayed'] === 'true' }
  }

  /**
   * Hands a task to the first slave that is available. A refusal for now (`at-capacity` ...) is
   * repeated as told by `Retry-After`, for as long as the client is patient; then it is thrown.
   */
  const submit = <K extends string = 'expression'>(
    request: TaskRequest<K>,
    manners: SubmitManners = {},
  ): Promise<Accepted<ResultOf<K>>> => post('/tasks', request, manners)

  return {
    submit,
    wait,
    get,

    /** Submits a task, and gives its result. Throws NoResultError when it ends without one. */
    async run<K extends string = 'expression'>(
      request: TaskRequest<K>,
      { timeoutMs, ...manners }: SubmitManners & WaitManners = {},
    ): Promise<ResultOf<K>> {
      const accepted = await submit(request, manners)
      const { signal, patienceMs } = manners
      const limit = timeoutMs === undefined ? {} : { timeoutMs }
      const task = hasEnded(accepted)
        ? accepted
        : await wait(accepted, { signal, patienceMs, ...limit })
      if (task.status === 'done') return task.result
      throw new NoResultError(task)
    },

    /** What would happen to such a task now; runs nothing. */
    async explain(request: TaskRequest, manners: Manners = {}): Promise<Explanation> {
      const path = '/tasks?dry-run'
      const said = { method: 'POST', path, json: request, repeatable: true, ...manners } as const
      return (await json<Explanation>(said)).value
    },

    /** One page of the tasks, newest first. `next` is the `cursor` of the page after, or null. */
    async list(filter: TaskFilter = {}, manners: Manners = {}) {
      type Page = { tasks: TaskSummary[]; next: string | null }
      const path = `/tasks${queryOf(filter)}`
      return (await json<Page>({ method: 'GET', path, ...manners })).value
    },

    /** Who was asked, what each answered and why, and what befell the task since. */
    async trail(id: string, manners: Manners = {}): Promise<Trail> {
      return (await json<Trail>({ method: 'GET', path: `${at(id)}/trail`, ...manners })).value
    },

    /** Ends a task that has not ended. Throws the problem `already-ended`. */
    async cancel(id: string, manners: Manners = {}): Promise<Task> {
      const cancelled = json<Task>({ method: 'DELETE', path: at(id), ...manners })
      return cancelledBy(cancelled, () => get(id, manners))
    },

    /** The same input again, as a new task: an outcome never changes. */
    retry: (id: string, manners: SubmitManners = {}): Promise<Accepted> =>
      post(`${at(id)}/retry`, undefined, manners),
  }
}
