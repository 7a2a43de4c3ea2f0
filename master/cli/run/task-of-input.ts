// One input as a task of the master: its files go there, the task is submitted and waited for, what it leaves
// comes back. The same input of the same run always has the same Idempotency-Key, so that a connection or a
// process that breaks off makes no second task.

import { hash } from 'node:crypto'
import type { Client, EndedTask, TaskRequest } from '../../../shared/client/client.ts'
import { hasEnded, isProblem, ProblemError } from '../../../shared/client/client.ts'
import type { Ended } from './outcome.ts'
import { failedOf, filesOf, outcomeOf, refusedOf } from './outcome.ts'
import type { Work } from './plan.ts'
import { fetchResults, ResultError } from './results.ts'
import type { Uploads } from './uploads.ts'
import { ChangedError } from './uploads.ts'

export type Options = {
  runLimitMs?: number
  priority?: number
  tags?: string[]
}
type Master = Pick<Client, 'submit' | 'wait' | 'cancel' | 'taskFile'>

/** A submission is held for so long; then the task is asked for. In milliseconds. */
const HOLD_MS = 25_000
/** A task that was lost with its slave is tried again elsewhere, up to so many times. */
const ATTEMPTS_MAX = 3
/** For each request that cancels, in milliseconds. */
const CANCEL_MS = 10_000
/** A cancelled task is done again under a further key. */
const KEYS_MAX = 100

/** Refusals that are not about this input alone. */
const GENERAL = ['no-capable-slave', 'unknown-kind']
const isOfInput = (error: unknown): error is ProblemError =>
  error instanceof ProblemError &&
  [400, 413, 422].includes(error.status) &&
  !GENERAL.includes(error.type)

/** Files of the user that cannot be read. */
const isUnreadable = (error: unknown): error is Error =>
  error instanceof ChangedError ||
  ['ENOENT', 'EACCES', 'EISDIR', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')

export function createTaskRuns(
  master: Master,
  uploads: Uploads,
  given: { nonce: string; options: Options; signal: AbortSignal },
) {
  const { nonce, options, signal } = given
  /** Of inputs that are under way: what was sent, to find their tasks again. */
  const sent = new Map<number, { request: TaskRequest; key: string }>()
  /** Which input a result file belongs to. */
  const owners = new Map<string, number>()

  async function requestOf(work: Work): Promise<TaskRequest> {
    const files = Object.fromEntries(
      await Promise.all(
        [...work.files].map(async ([place, local]) => {
          return [place, { sha256: await uploads.sha256Of(local) }] as const
        }),
      ),
    )
    const { program, args, env, outputs } = work
    const input = { program, args, ...(Object.keys(env).length === 0 ? {} : { env }) }
    const ofFiles = work.files.size === 0 ? {} : { files }
    const ofOutputs = outputs.length === 0 ? {} : { outputs }
    const always = { queue: true, attemptsMax: ATTEMPTS_MAX, retryOn: [] }
    return { kind: 'command', input, ...ofFiles, ...ofOutputs, ...always, ...options }
  }

  /** The task, once it has ended. */
  async function taskOf(work: Work): Promise<EndedTask> {
    const request = await requestOf(work)
    const base = `${nonce}:${work.n}:${hash('sha256', JSON.stringify(request), 'base64url').slice(0, 22)}`
    for (let nth = 0; nth < KEYS_MAX; nth++) {
      const key = nth === 0 ? base : `${base}:${nth}`
      sent.set(work.n, { request, key })
      const accepted = await master.submit(request, {
        idempotencyKey: key,
        waitMs: HOLD_MS,
        signal,
      })
      const task = hasEnded(accepted) ? accepted : await master.wait(accepted.id, { signal })
      // It was cancelled when the run was stopped.
      if (accepted.replayed && task.status === 'cancelled') continue
      return task as EndedTask
    }
    throw new Error(`input ${work.n} was cancelled ${KEYS_MAX} times`)
  }

  /** A path belongs to one input. */
  function claim(work: Work, name: string): string {
    const path = work.destinationOf(name)
    const owner = owners.get(path) ?? work.n
    if (owner !== work.n) {
      throw new ResultError(`inputs ${owner} and ${work.n} both leave ${path}: put {} in --results`)
    }
    owners.set(path, owner)
    return path
  }

  async function run(work: Work): Promise<Ended> {
    let task: EndedTask
    try {
      task = await taskOf(work).catch((error: unknown) => {
        // Blobs that no task needs are not kept for ever.
        if (!isProblem(error, 'no-such-blob')) throw error
        uploads.forget()
        return taskOf(work)
      })
    } catch (error) {
      if (isOfInput(error)) return refusedOf(work, error)
      if (isUnreadable(error)) return failedOf(work, { type: 'input', message: error.message })
      throw error
    }
    const ended = outcomeOf(work, task)
    try {
      const wanted = { outputs: work.outputs, destinationOf: (name: string) => claim(work, name) }
      await fetchResults(master, task.id, filesOf(task), { wanted, mark: nonce, signal })
      return ended
    } catch (error) {
      if (!(error instanceof ResultError)) throw error
      const failure = { type: 'result', message: error.message }
      return { ...ended, exit: Math.max(1, ended.exit), failure }
    }
  }

  return {
    /** Runs it; the outcome, with its files in place. Throws what ends the whole run. */
    run: (work: Work): Promise<Ended> => run(work).finally(() => sent.delete(work.n)),

    /** Of inputs that are under way now: to be cancelled after the signal has ended their waiting. */
    underWay: () => [...sent.values()],

    /** Cancels a task that may not have been heard of yet: the same key gives its id. */
    async cancel({ request, key }: { request: TaskRequest; key: string }): Promise<void> {
      const manners = { patienceMs: CANCEL_MS }
      const { id } = await master.submit(request, { idempotencyKey: key, ...manners })
      await master.cancel(id, manners).catch((error: unknown) => {
        if (!isProblem(error, 'already-ended')) throw error
      })
    },
  }
}
export type TaskRuns = ReturnType<typeof createTaskRuns>
