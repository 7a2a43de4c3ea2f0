// The master's shell around its core: the wiring of its parts, and what the routes and jobs call. The parts:
//
//   POST --> pending requests --+                           +--> offers to slaves (channels)
//   callbacks, checked ---------+--> turns --> core --> effects
//   heartbeats, polls ----------+                           +--> group commit --> answers to clients, slaves
//
// The core decides by ids, counts and times. The payloads of tasks stay in the shell (task-payloads.ts).

import type { Clock } from '../../shared/data/clock.ts'
import type { IdsAfter } from '../../shared/data/ids.ts'
import type { Random } from '../../shared/data/random.ts'
import type { Logger } from '../../shared/process/log.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type {
  CallbacksReply,
  CallbacksRequest,
  Heartbeat,
  HeartbeatReply,
  Registration,
  RegistrationReply,
} from '../../shared/protocol/wire.ts'
import type { AttemptIds, CoreSettings } from '../core/context.ts'
import { createCore } from '../core/core.ts'
import type { RefusedEvent, TaskEvent } from '../core/events.ts'
import type { Input, Polled, Submitted } from '../core/messages.ts'
import { partTasks } from '../core/part-names.ts'
import type { Task } from '../core/state.ts'
import type { Policy } from '../policies/policy.ts'
import type { Loaded, Store } from '../store/store.ts'
import { createCommitMeasurements, noteCommit } from './commit-measurements.ts'
import { createEffects } from './effects.ts'
import { createGroupCommit } from './group-commit.ts'
import type { KeepBlobs } from './kept-files.ts'
import { createKeptFiles } from './kept-files.ts'
import { createOutcomeChecks } from './outcome-checks.ts'
import type { Outputs } from './output-schemas.ts'
import type { Answered, Gone, Reply, Submission } from './pending-requests.ts'
import { createPendingRequests } from './pending-requests.ts'
import type { AnswerPoll } from './poll-channel.ts'
import { createPollChannels } from './poll-channel.ts'
import type { PushChannels } from './push-channel.ts'
import { createRefusals, storeFull } from './refusals.ts'
import { restoreOf, rowOf } from './slave-records.ts'
import { createTaskPayloads } from './task-payloads.ts'
import { createTurns } from './turns.ts'
import type { Keep } from './unknown-attempts.ts'
import { createUnknownAttempts } from './unknown-attempts.ts'

export type DispatcherOptions = {
  settings: CoreSettings & Keep
  /** Slaves that the settings name, in order of asking. */
  slaves: { name: string; url: string }[]
  policy: Policy
  store: Store
  /** The channels to slaves that the master sends requests to. */
  push: (receive: (input: Input) => void) => PushChannels
  clock: Clock
  random: Random
  taskIds: IdsAfter
  /** Names attempts, signed with the store's secret. */
  attemptIds: (secret: string) => AttemptIds
  log: Logger
  /** Hears of every task that has ended or was refused, with the trace that its client sent. */
  onOver?: (task: Task, trace: string | null, problem: Problem | null) => void
  /** Whether results are what their kinds give. */
  outputs: Outputs
  /** Keeps the files of outcomes. Default: there are none to keep. */
  keepBlobs?: KeepBlobs
  /** Hears each change of a task once that is saved, and each refusal. Must be quick. */
  onEvent: (event: TaskEvent | RefusedEvent) => void
  /** The store cannot be trusted any more: stop the process. */
  onBroken: (error: Error) => void
}

export type Dispatcher = ReturnType<typeof apiOf>

/** Loads the store and carries on with its accepted tasks. Rejects when the store cannot be read. */
export async function createDispatcher(options: DispatcherOptions): Promise<Dispatcher> {
  const loaded = await options.store.load()
  const parts = createParts(options, loaded)
  restore(options, loaded, parts)
  return apiOf(options, loaded, parts)
}

type Parts = ReturnType<typeof createParts>

function createParts(options: DispatcherOptions, loaded: Loaded) {
  const { store, clock, onOver } = options
  const ids = options.attemptIds(loaded.secret)
  const core = createCore({ ...options, ids })
  const { live, registry } = core.view
  const turns = createTurns({
    core,
    clock,
    perform: (effect) => effects.perform(effect),
    flush: () => commit.flush(),
  })
  const { post } = turns
  const unknown = createUnknownAttempts({ ...options, ids, newestId: loaded.newestId })
  const payloads = createTaskPayloads(store)
  const newId = unknown.watchIds(options.taskIds(loaded.newestId))
  const requests = createPendingRequests({ ...options, post, live, newId, add: payloads.add })
  const refusals = createRefusals({ ...options, core, payloads, requests, onOver })
  const measurements = createCommitMeasurements()
  const commit = createGroupCommit({
    ...options,
    changeOf: payloads.changeOf,
    onSaved: payloads.saved,
    onCommit: (ms, tasks) => noteCommit(measurements, ms, tasks),
    release: (after, committed) => {
      for (const effect of after) effects.performSaved(effect, committed)
    },
    onNoRoom: (tasks) => {
      refusals.noRoom(tasks)
      if (tasks.length > 0) post({ is: 'not-saved', tasks })
    },
  })
  const push = options.push(receiverOf(options.log, post))
  const polls = createPollChannels({ clock, post, patienceMs: options.settings.askTimeoutMs })
  const shell = { core, commit, payloads, requests, refusals, unknown, push, polls, post }
  const effects = createEffects({ ...options, ...shell, onOver })
  const named = new Map(options.slaves.map(({ name, url }) => [name, url]))
  const checks = createOutcomeChecks({ registry, live, outputs: options.outputs, named })
  const files = createKeptFiles({ keepBlobs: async () => [], ...options, payloads })
  return { ...shell, turns, checks, files, newId, measurements }
}

/** What the push channels report goes to the core. */
const receiverOf =
  (log: Logger, post: (input: Input) => void) =>
  (input: Input): void => {
    if (input.is === 'not-reached' && input.token !== null) {
      // The registering slave is not told: it would learn which ports are open where only the
      // master can connect.
      const { name: slave, url, reason } = input
      log.warn({ slave, url, reason }, 'a slave registers with an address that cannot be reached')
    }
    post(input)
  }

/** Gives the core what the store holds, and the slaves that only the settings name. */
function restore(options: DispatcherOptions, loaded: Loaded, { payloads, commit, post }: Parts) {
  const { tasks, slaves, more } = restoreOf(loaded, options.slaves)
  for (const { id, trace } of loaded.tasks) if (trace !== null) payloads.addTrace(id, trace)
  if (tasks.length > 0) options.log.info({ tasks: tasks.length }, 'resuming accepted tasks')
  post({ is: 'restore', tasks, slaves: [...slaves, ...more], kinds: loaded.kinds })
  // Their places are kept from now on, as are those of slaves that registered.
  for (const slave of more) commit.change({ do: 'put-slave', slave: rowOf(slave) })
}

function apiOf(options: DispatcherOptions, loaded: Loaded, parts: Parts) {
  const { core, turns, commit, requests, refusals, polls, payloads, checks, unknown, files } = parts
  const { ask } = turns
  let draining = false
  let closing: Promise<void> | null = null

  return {
    view: core.view,
    commits: parts.measurements,
    unknownAttempts: unknown.counts,
    /** When the newest task was accepted that was stored at the start; null when there was none. */
    newestAt: loaded.newestAt,
    /** The wall clock jumped by so much. */
    clockStepped: (byMs: number): void => turns.post({ is: 'clock-stepped', byMs }),
    /**
     * Hands a task to the first slave that takes it. Resolves with the task as it then stands:
     * taken, queued, or, when the client waits, ended. Rejects with the Problem that the client
     * hears. A task not yet accepted ends when its client disconnects.
     */
    submit(submission: Submission, gone?: Gone): Promise<Reply> {
      return new Promise((resolve, reject) => submitTo(submission, { resolve, reject }, gone))
    },
    /** The same, for many at a time. */
    submitTo,
    /** The id of a task that is to be submitted. */
    newId: parts.newId,
    /** Between portions of what is submitted: resolves when the next may come. */
    paced: commit.paced,
    /** Resolves when the task has ended, after `waitMs`, or when who waits has gone. */
    wait: requests.wait,
    /** Ends a live task. Resolves when that is saved; with false when it is not live. */
    cancel: requests.cancel,
    /** Outcomes of a slave. Rejects with a Problem when they are not what a slave may hand in. */
    async callbacks(request: CallbacksRequest): Promise<CallbacksReply> {
      const { state, callbacks } = checks.callbacks(request)
      const kept = files.keptAll(callbacks)
      const all = kept instanceof Promise ? await kept : kept
      return ask<CallbacksReply>((token) => ({ is: 'callbacks', state, callbacks: all, token }))
    },
    heartbeat: (heartbeat: Heartbeat) =>
      ask<HeartbeatReply>((token) => ({ is: 'heartbeat', heartbeat, token })),
    register: (registration: Registration) =>
      ask<RegistrationReply>((token) => ({ is: 'registration', registration, token })),
    /** Holds a slave's poll for at most `waitMs`; gives what to call when the slave hangs up. */
    poll: (said: Polled, waitMs: number, answer: AnswerPoll) => polls.open(said, waitMs, answer),
    /** An outcome in short form; checked like callbacks. */
    async submitted(said: Submitted): Promise<CallbacksReply> {
      const checked = checks.submitted(said)
      const outcome = await files.kept(checked.task, checked.outcome)
      const kept: Submitted = { ...checked, outcome }
      return ask<CallbacksReply>((token) => ({ is: 'submitted', said: kept, token }))
    },
    leave: (name: string, boot: string) =>
      ask<void>((token) => ({ is: 'leave', name, boot, token })),
    drain: (name: string, drained: boolean) =>
      ask<void>((token) => ({ is: 'drain', name, drained, token })),
    /** From now on new tasks are refused. */
    stopAccepting(): void {
      draining = true
      turns.post({ is: 'draining' })
      requests.stopWaiting()
    },
    /** Answers every poll that is held, and refuses those that come: before the server closes. */
    endPolls: polls.close,
    /** The trace of a live task, where its client said one. */
    traceOf: payloads.traceOf,
    /** Live tasks that called themselves parts of jobs when this master started. */
    partsLoaded: partTasks(loaded.tasks),
    /** Nothing waits to be saved. */
    get isSaved() {
      return commit.isIdle
    },
    get isDraining() {
      return draining
    },
    /** Saves what is unsaved, then closes store and connections. Idempotent. */
    close: (): Promise<void> => (closing ??= close(options.store, parts)),
  }

  function submitTo(submission: Submission, answered: Answered, gone?: Gone): void {
    if (draining) return refusals.turnAway(submission, shuttingDown(), answered)
    if (commit.isFull) return refusals.turnAway(submission, storeFull(), answered)
    requests.submit(submission, answered, gone)
  }
}

async function close(store: Store, { turns, polls, unknown, commit, push }: Parts): Promise<void> {
  polls.close()
  turns.close()
  unknown.close()
  await commit.settled()
  await push.close()
  await store.close()
}

const shuttingDown = (): Problem => new Problem('draining', 'the master is shutting down')
