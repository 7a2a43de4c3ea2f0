// The clients' side of the dispatcher: submissions that are not answered yet, clients that wait for
// an outcome, and repeated Idempotency-Keys.

import type { Clock, Monotonic } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { Outcome } from '../../shared/protocol/wire.ts'
import type { Committed, Input } from '../core/messages.ts'
import type { NewTask, Task } from '../core/state.ts'
import { hasEnded, statusOf } from '../core/task.ts'
import type { TrailEntry } from '../core/trail.ts'
import { asked } from '../core/trail.ts'
import type { Store, TaskRecord, TaskStatus } from '../store/store.ts'
import type { Payload } from './task-records.ts'
import { lastSlave, readOutcome } from './task-records.ts'

/** A task to hand out, checked already. */
export type Submission = Pick<NewTask, 'kind' | 'priority' | 'runLimitMs' | 'queue' | 'terms'> &
  Omit<Payload, 'queueMs'> & {
    /** Its id, when something refers to it already. */
    id?: string
    /** A queued task expires when no slave has taken it within this. */
    waitLimitMs: number
    /** How long the client holds its request: first for a slave, then for the result. */
    waitMs: number
  }

/** Aborted when the connection of a held request closes: there is no client to answer. */
export type Gone = AbortSignal | undefined

/** A task as a client is told of it. */
export type Reply = {
  id: string
  kind: string
  status: TaskStatus
  slave: string | null
  outcome: Outcome | null
  trail: TrailEntry[]
  /** The same Idempotency-Key had it before. */
  repeated: boolean
}

/** Hears once what became of a submission. */
export type Answered = {
  resolve(reply: Reply): void
  /** With a Problem, or with an error that is ours. */
  reject(error: Error): void
}

type Open = {
  key: string | null
  answered: Answered
  /** Until when the client holds its request, unless it hangs up. */
  waitUntil: Monotonic
  gone: Gone
}

/** Requests that hold the same submission: it is aborted when the last one disconnects. */
type Holders = { count: number; over: AbortController }
type Keyed = { requestHash: string | null; reply: Promise<Reply>; holders: Holders }

export type PendingRequests = ReturnType<typeof createPendingRequests>

export function createPendingRequests(given: {
  store: Store
  clock: Clock
  post: (input: Input) => void
  live: ReadonlyMap<string, Task>
  /** A new task's id: a UUIDv7. */
  newId: () => string
  add: (id: string, payload: Payload) => void
}) {
  const { store, clock, post, live } = given
  /** Submissions that have no answer yet, by task. */
  const open = new Map<string, Open>()
  /** Tasks that have ended, but their end is not saved. */
  const ending = new Set<string>()
  /** Clients that wait for the end of a task. */
  const waiting = new Map<string, Set<() => void>>()
  /** Keys of submissions that have no answer yet. */
  const keys = new Map<string, Keyed>()
  /** Nobody is held any longer. */
  let stopping = false

  return {
    submit,
    wait,

    async cancel(id: string): Promise<boolean> {
      const isLive = live.get(id)?.accepted === true
      const ended = wait(id, Number.POSITIVE_INFINITY)
      if (isLive) post({ is: 'cancel', task: id })
      await ended
      return isLive
    },

    /** Promised and saved: the client hears it, unless it waits for the result. */
    accept(task: Task, _committed: Committed): void {
      const client = open.get(task.id)
      if (!client) return
      // It is in the store now: a repeated request waits only for its own `Prefer: wait`.
      if (client.key !== null) keys.delete(client.key)
      if (stopping || client.waitUntil <= clock.now()) {
        return answer(task.id, client, savedReplyOf(task))
      }
      holdUntil(
        client.waitUntil,
        task.id,
        () => {
          const late = open.get(task.id)
          if (late) answer(task.id, late, savedReplyOf(task))
        },
        client.gone,
      )
    },

    /** It has ended. No client is told before end(); a new request for it waits for that. */
    ending: (task: Task): void => void ending.add(task.id),

    refuse(task: Task, problem: Problem): void {
      ending.delete(task.id)
      const client = open.get(task.id)
      if (!client) return
      open.delete(task.id)
      client.answered.reject(
        new Problem(problem.type, problem.message, { asked: asked(task.trail) }, problem.headers),
      )
    },

    end(task: Task, _committed: Committed): void {
      ending.delete(task.id)
      const client = open.get(task.id)
      if (client) answer(task.id, client, replyOf(task))
      wake(task.id)
    },

    /** Answers waiting clients now, with the current state. */
    stopWaiting(): void {
      stopping = true
      for (const id of waiting.keys()) wake(id)
      for (const id of open.keys()) post({ is: 'stop-waiting', task: id })
    },
  }

  /** No promise for each: in a batch of many that would take longer than the rest of it. */
  function submit(submission: Submission, answered: Answered, gone?: Gone): void {
    const { idempotencyKey: key } = submission
    if (key === null) return begin(submission, answered, gone)
    submitOnce(key, submission, gone).then(
      (reply) => answered.resolve(reply),
      (error: Error) => answered.reject(error),
    )
  }

  async function submitOnce(key: string, submission: Submission, gone: Gone): Promise<Reply> {
    const { requestHash } = submission
    const before = keys.get(key)
    if (before) {
      if (before.requestHash !== requestHash) throw keyReused(key)
      return join(key, before, submission, gone)
    }
    const holders = held(gone)
    const reply = beginOnce(key, submission, holders, gone)
    const keyed = { requestHash, reply, holders }
    keys.set(key, keyed)
    return reply.finally(() => {
      if (keys.get(key) === keyed) keys.delete(key)
    })
  }

  /** The same key again, while the request that said it first is held. */
  async function join(
    key: string,
    before: Keyed,
    submission: Submission,
    gone: Gone,
  ): Promise<Reply> {
    hold(before.holders, gone)
    try {
      return { ...(await before.reply), repeated: true }
    } catch (error) {
      // It was ended because its client hung up, in the moment in which it was repeated.
      if (!before.holders.over.signal.aborted || gone?.aborted) throw error
      return submitOnce(key, submission, gone)
    }
  }

  /** Those who hold a submission; without an end of their connections they never go. */
  function held(gone: Gone): Holders {
    const holders = { count: 0, over: new AbortController() }
    hold(holders, gone)
    return holders
  }

  function hold(holders: Holders, gone: Gone): void {
    holders.count++
    const leave = (): void => {
      if (--holders.count === 0) holders.over.abort()
    }
    if (gone?.aborted) leave()
    else gone?.addEventListener('abort', leave, { once: true })
  }

  async function beginOnce(
    key: string,
    submission: Submission,
    holders: Holders,
    gone: Gone,
  ): Promise<Reply> {
    const before = await store.find(key)
    if (!before) {
      return new Promise((resolve, reject) =>
        begin(submission, { resolve, reject }, holders.over.signal),
      )
    }
    if (before.requestHash !== submission.requestHash) throw keyReused(key)
    if (submission.waitMs > 0) await wait(before.id, submission.waitMs, gone)
    const record = await store.get(before.id)
    if (!record) throw new Problem('no-such-task', `task ${before.id} was removed in the meantime`)
    return { ...recordReply(record), repeated: true }
  }

  function begin(submission: Submission, answered: Answered, gone: Gone): void {
    const { kind, priority, runLimitMs, queue, waitLimitMs, waitMs, terms = null } = submission
    const { input, work, trace, tags, idempotencyKey: key, requestHash, client } = submission
    const id = submission.id ?? given.newId()
    const now = clock.now()
    const createdAt = clock.wall()
    const patience = queue ? waitLimitMs : waitMs
    const waits = patience > 0
    const waitUntil = waits ? later(now, patience) : null
    const expiresAt = waits ? later(createdAt, patience) : null
    const queueMs = queue ? waitLimitMs : 0
    given.add(id, { input, work, trace, tags, queueMs, idempotencyKey: key, requestHash, client })
    open.set(id, { key, answered, waitUntil: later(now, waitMs), gone })
    const about = { id, kind, priority, runLimitMs, createdAt, queue, waitUntil, expiresAt, terms }
    post({ is: 'submit', task: about })
    // A client with a key can fetch the task later, so it is not unclaimed.
    if (gone !== undefined) leaveWith(gone, id, key === null)
  }

  function leaveWith(gone: AbortSignal, id: string, unclaimed: boolean): void {
    const leave = (): void => {
      if (open.has(id)) post({ is: 'stop-waiting', task: id, unclaimed })
    }
    if (gone.aborted) leave()
    else gone.addEventListener('abort', leave, { once: true })
  }

  function answer(id: string, client: Open, reply: Reply): void {
    open.delete(id)
    client.answered.resolve(reply)
  }

  /**
   * Resolves when the task's end is saved, after `waitMs`, or when who waits has gone; at once when it
   * is not live.
   */
  function wait(id: string, waitMs: number, gone?: Gone): Promise<void> {
    if (!live.get(id)?.accepted && !ending.has(id)) return Promise.resolve()
    return new Promise((resolve) => holdUntil(later(clock.now(), waitMs), id, resolve, gone))
  }

  /** Calls `run` once: when the task has ended, at a time, or when who waits has gone. */
  function holdUntil(until: Monotonic, id: string, run: () => void, gone?: Gone): void {
    if (gone?.aborted) return run()
    const callOff = Number.isFinite(until) ? clock.at(until, finish) : () => {}
    const others = waiting.get(id) ?? new Set()
    waiting.set(id, others.add(finish))
    gone?.addEventListener('abort', finish, { once: true })

    function finish(): void {
      callOff()
      gone?.removeEventListener('abort', finish)
      if (others.delete(finish) && others.size === 0) waiting.delete(id)
      run()
    }
  }

  function wake(id: string): void {
    for (const finish of waiting.get(id) ?? []) finish()
  }
}

const keyReused = (key: string): Problem =>
  new Problem('key-reused', `the Idempotency-Key "${key}" was used before with another body`)

const replyOf = (task: Task): Reply => ({
  id: task.id,
  kind: task.kind,
  status: statusOf(task),
  slave: statusOf(task) === 'pending' ? null : lastSlave(task),
  outcome: task.stage.is === 'ended' ? task.stage.outcome : null,
  trail: task.trail,
  repeated: false,
})

/** The same before its end is committed: no client is told of an end that a crash can undo. */
function savedReplyOf(task: Task): Reply {
  const reply = replyOf(task)
  return hasEnded(task) ? { ...reply, status: 'in progress', outcome: null } : reply
}

const recordReply = (record: TaskRecord): Reply => ({
  id: record.id,
  kind: record.kind,
  status: record.status,
  slave: record.slave,
  outcome: record.outcome === null ? null : readOutcome(record.outcome),
  trail: record.trail,
  repeated: false,
})
