// The master's shell around its core. It works in turns: collect what has come in since the last
// turn, step the core through it, make one commit of all that must be saved, then send and answer;
// and keep one timer, set to the core's deadline. It keeps the payloads that the core does not know.
//
//   POST --> submit --+                          +--> offers to slaves (channels)
//   callbacks --------+--> inbox --turn--> core -+--> group commit --> answers to clients, slaves
//   heartbeats -------+                          +--> the next deadline

import type { Clock, Monotonic, WallTime } from '../../shared/data/clock.ts'
import { NEVER } from '../../shared/data/clock.ts'
import type { IdsAfter } from '../../shared/data/ids.ts'
import type { Random } from '../../shared/data/random.ts'
import type { Logger } from '../../shared/process/log.ts'
import type { ProblemType } from '../../shared/protocol/problems.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import { handedOn, traceIdOf } from '../../shared/protocol/trace.ts'
import type {
  CallbacksReply,
  CallbacksRequest,
  Heartbeat,
  HeartbeatReply,
  Registration,
  RegistrationReply,
} from '../../shared/protocol/wire.ts'
import type { AttemptIds, CoreSettings } from '../core/context.ts'
import type { Core } from '../core/core.ts'
import { createCore } from '../core/core.ts'
import type { RefusedEvent, TaskEvent } from '../core/events.ts'
import { refusedEvent, taskEvent } from '../core/events.ts'
import type { AfterCommit, Committed, Effect, Input, Polled, Submitted } from '../core/messages.ts'
import { partTasks } from '../core/part-names.ts'
import { routeTo } from '../core/reach.ts'
import type { Task } from '../core/state.ts'
import { hasEnded } from '../core/task.ts'
import type { Policy } from '../policies/policy.ts'
import type { Store } from '../store/store.ts'
import { channelsOf } from './channel.ts'
import { createCommitFigures, noteCommit } from './commit-measurements.ts'
import type { TaskChanged } from './group-commit.ts'
import { createSaving } from './group-commit.ts'
import { createHandedIn } from './outcome-checks.ts'
import type { Outputs } from './output-schemas.ts'
import type { Gone, Reply, Submission } from './pending-requests.ts'
import { createClients } from './pending-requests.ts'
import type { AnswerPoll } from './poll-channel.ts'
import { createPollChannels } from './poll-channel.ts'
import type { PushChannels } from './push-channel.ts'
import { restoreOf, rowOf } from './slave-records.ts'
import { createPayloads } from './task-payloads.ts'
import type { Keep } from './unknown-attempts.ts'
import { createUnknownAttempts } from './unknown-attempts.ts'

export type Dispatcher = Awaited<ReturnType<typeof createDispatcher>>

export async function createDispatcher(given: {
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
  /** Hears of every task that has ended or was refused, with its trace as its client said. */
  onOver?: (task: Task, trace: string | null, problem: Problem | null) => void
  /** Whether results are what their kinds give. */
  outputs: Outputs
  /** Hears what befalls tasks, once that is saved, and refusals. Must be quick. */
  onEvent: (event: TaskEvent | RefusedEvent) => void
  /** The store cannot be trusted any more: stop the process. */
  onBroken: (error: Error) => void
}) {
  const { store, clock, log } = given
  const loaded = await store.load()
  const ids = given.attemptIds(loaded.secret)
  const core: Core = createCore({ ...given, ids })
  const unknown = createUnknownAttempts({ ...given, ids, newestId: loaded.newestId })
  const payloads = createPayloads(store)
  const handedIn = createHandedIn({
    registry: core.view.registry,
    live: core.view.live,
    outputs: given.outputs,
    named: new Map(given.slaves.map(({ name, url }) => [name, url])),
  })
  const clients = createClients({
    ...given,
    post,
    live: core.view.live,
    newId: unknown.watchIds(given.taskIds(loaded.newestId)),
    add: payloads.add,
  })
  const push = given.push(post)
  const commits = createCommitFigures()
  const polls = createPollChannels({ clock, post, patienceMs: given.settings.askTimeoutMs })
  const channelTo = channelsOf(push, polls)
  const saving = createSaving({
    store,
    clock,
    changeOf: payloads.changeOf,
    onSaved: payloads.saved,
    onCommit: (ms, tasks) => noteCommit(commits, ms, tasks),
    release: (effects, committed) => {
      for (const effect of effects) tell(effect, committed)
    },
    onNoRoom: (tasks) => {
      for (const task of tasks) refuse(task, new Problem('store-full', NO_ROOM))
      if (tasks.length > 0) post({ is: 'not-saved', tasks })
    },
    onBroken: given.onBroken,
  })
  /** A line for every task is wanted. Asked once: it is asked per task. */
  const chatty = log.isLevelEnabled('debug')
  let inbox: Input[] = []
  let planned = false
  let draining = false
  let closed = false
  let armedFor = NEVER
  let callOff = (): void => {}

  start()

  return {
    view: core.view,
    commits,
    unknownAttempts: unknown.counts,
    /** When the newest task was accepted that was stored at the start; null when there was none. */
    newestAt: loaded.newestAt,
    /** The wall clock jumped by so much. */
    clockStepped: (byMs: number): void => post({ is: 'clock-stepped', byMs }),
    /**
     * Hands a task to the first slave that takes it. Resolves with the task as it then stands: taken,
     * queued, or, when the client waits, ended. Rejects with the Problem that the client hears. What
     * nobody was promised ends when the client has gone.
     */
    submit(submission: Submission, gone?: Gone): Promise<Reply> {
      if (draining) return turnAway(submission, 'draining', 'the master is shutting down')
      if (saving.isFull) return turnAway(submission, 'store-full', NO_ROOM)
      return clients.submit(submission, gone)
    },
    /** Between portions of what is submitted: resolves when the next may come. */
    paced: saving.paced,
    /** Resolves when the task has ended, after `waitMs`, or when who waits has gone. */
    wait: clients.wait,
    /** Ends a live task. Resolves when that is saved; with false when it is not live. */
    cancel: clients.cancel,
    /** Outcomes of a slave. Rejects with a Problem when they are not what a slave may hand in. */
    async callbacks(request: CallbacksRequest): Promise<CallbacksReply> {
      const checked = handedIn.callbacks(request)
      return ask<CallbacksReply>((token) => ({ is: 'callbacks', ...checked, token }))
    },
    heartbeat: (heartbeat: Heartbeat) =>
      ask<HeartbeatReply>((token) => ({ is: 'heartbeat', heartbeat, token })),
    register: (registration: Registration) =>
      ask<RegistrationReply>((token) => ({ is: 'registration', registration, token })),
    /** Holds a slave's poll for at most `waitMs`; gives what to call when the slave hangs up. */
    poll: (said: Polled, waitMs: number, answer: AnswerPoll) => polls.open(said, waitMs, answer),
    /** An outcome in short, held to the same. */
    async submitted(said: Submitted): Promise<CallbacksReply> {
      const checked = handedIn.submitted(said)
      return ask<CallbacksReply>((token) => ({ is: 'submitted', said: checked, token }))
    },
    leave: (name: string, boot: string) =>
      ask<void>((token) => ({ is: 'leave', name, boot, token })),
    drain: (name: string, drained: boolean) =>
      ask<void>((token) => ({ is: 'drain', name, drained, token })),
    /** From now on new tasks are refused. */
    stopAccepting(): void {
      draining = true
      post({ is: 'draining' })
      clients.stopWaiting()
    },
    /** Answers every poll that is held, and refuses those that come: before the server closes. */
    endPolls: polls.close,
    /** The trace of a live task, where its client said one. */
    traceOf: payloads.traceOf,
    /** Live tasks that called themselves parts of jobs when this master started. */
    partsLoaded: partTasks(loaded.tasks),
    /** Nothing waits to be saved. */
    get isSaved() {
      return saving.isIdle
    },
    get isDraining() {
      return draining
    },
    /** Saves what is unsaved, then closes store and connections. Idempotent. */
    async close(): Promise<void> {
      if (closed) return
      polls.close()
      turn()
      closed = true
      callOff()
      unknown.close()
      await saving.settled()
      await push.close()
      await store.close()
    },
  }

  function start(): void {
    const { tasks, slaves, more } = restoreOf(loaded, given.slaves)
    for (const { id, trace } of loaded.tasks) if (trace !== null) payloads.addTrace(id, trace)
    if (tasks.length > 0) log.info({ tasks: tasks.length }, 'carrying on with accepted tasks')
    post({ is: 'restore', tasks, slaves: [...slaves, ...more], kinds: loaded.kinds })
    // Their places are kept from now on, as are those of slaves that registered.
    for (const slave of more) saving.change({ do: 'put-slave', slave: rowOf(slave) })
  }

  function ask<Reply>(input: (token: PromiseWithResolvers<Reply>) => Input): Promise<Reply> {
    const waiting = Promise.withResolvers<Reply>()
    post(input(waiting))
    return waiting.promise
  }

  function post(input: Input): void {
    if (closed) return
    inbox.push(input)
    plan()
  }

  function plan(): void {
    if (planned) return
    planned = true
    clock.soon(turn)
  }

  /** One turn: everything that has come in, one commit, then the answers. */
  function turn(): void {
    if (closed) return
    planned = false
    const now = clock.now()
    const wall = clock.wall()
    const inputs = inbox
    inbox = []
    const lateMs = now - core.deadline()
    if (lateMs >= 0) step({ is: 'tick', lateMs }, now, wall)
    for (const input of inputs) step(input, now, wall)
    saving.flush()
    arm()
  }

  function step(input: Input, now: Monotonic, wall: WallTime): void {
    if (input.is === 'not-reached' && input.token !== null) {
      // Not told to whoever registers: it would learn which ports are open where only we can connect.
      const { name: slave, url, reason } = input
      log.warn({ slave, url, reason }, 'a slave registers from where it cannot be reached')
    }
    for (const effect of core.step(input, now, wall)) perform(effect)
  }

  function arm(): void {
    const at = core.deadline()
    if (at === armedFor || closed) return
    callOff()
    armedFor = at
    if (at === NEVER) return
    callOff = clock.at(at, () => {
      armedFor = NEVER
      plan()
    })
  }

  /** Performs what may be done at once, and leaves the rest to the group commit. */
  function perform(effect: Effect): void {
    switch (effect.do) {
      case 'save':
        return save(effect.task)
      case 'save-slave':
        return saving.change({ do: 'put-slave', slave: rowOf(effect.slave) })
      case 'save-kind':
        return saving.change({ do: 'put-kind', kind: effect.kind })
      case 'drop-slave':
        return saving.change({ do: 'drop-slave', name: effect.name })
      case 'unattached':
        return unknown.look(effect.slave, effect.attempts)
      case 'offer':
        return offer(effect)
      case 'revoke-now':
        return revoke(effect)
      case 'open-poll':
        return polls.take(effect.poll, effect.before, effect.slave)
      case 'end-poll':
        return polls.end(effect.poll, effect.problem)
      case 'visit':
        return push.visit(effect.name, effect.url, effect.token)
      case 'answer-heartbeat':
        return effect.token.resolve(effect.reply)
      case 'answer-registration':
        return effect.token.resolve(effect.reply)
      case 'refuse':
        return refuse(effect.task, effect.problem)
      default:
        return saving.after(effect)
    }
  }

  function offer({ slave, route, boot, task, attempt }: Effect & { do: 'offer' }): void {
    const { id, kind, runLimitMs } = task
    const channel = channelTo(slave, route)
    channel.expect()
    payloads.read(id, (payload) => {
      if (payload !== undefined) {
        const trace = traceFor(id)
        const { input, work } = payload
        return channel.offer({ boot, attempt, task: id, kind, runLimitMs, input, work, trace })
      }
      channel.offer(null)
      const reason = 'its input is not in the store'
      post({ is: 'no-answer', slave, attempts: [attempt], how: 'unsent', reason })
    })
  }

  /** The slave may have polled again since the core decided it: its newest poll counts. */
  function revoke({ slave, route, attempts }: Effect & { do: 'revoke' | 'revoke-now' }): void {
    const known = core.view.registry.byName.get(slave)
    channelTo(slave, (known && routeTo(known)) ?? route).revoke(attempts)
  }

  /** What an offer says of the trace: nothing when the client said nothing. */
  function traceFor(id: string): string | null {
    const said = payloads.traceOf(id)
    return said === null ? null : handedOn(id, said)
  }

  function turnAway(submission: Submission, type: ProblemType, detail: string): Promise<never> {
    const problem = new Problem(type, detail)
    noteRefusal(submission, problem)
    return Promise.reject(problem)
  }

  /** Every refusal is counted and told here. */
  function noteRefusal(about: { kind: string }, problem: Problem): void {
    const { refused } = core.view.counters
    refused[problem.type] = (refused[problem.type] ?? 0) + 1
    given.onEvent(refusedEvent(about, problem, clock.wall()))
  }

  function refuse(task: Task, problem: Problem): void {
    const trace = payloads.traceOf(task.id)
    if (chatty) {
      const about = { task: task.id, traceId: traceIdOf(task.id, trace), kind: task.kind }
      log.debug({ ...about, problem: problem.type, reason: problem.message }, 'refused')
    }
    given.onOver?.(task, trace, problem)
    payloads.drop(task.id)
    noteRefusal(task, problem)
    clients.refuse(task, problem)
  }

  function end(task: Task, committed: Committed): void {
    given.onEvent(taskEvent(task, clock.wall()))
    given.onOver?.(task, payloads.traceOf(task.id), null)
    payloads.ended(task.id)
    clients.end(task, committed)
  }

  function save(task: Task): void {
    saving.task(task)
    // The end of a task has an effect of its own.
    if (hasEnded(task)) clients.ending(task)
    else saving.after({ do: 'task-changed', task, event: taskEvent(task, clock.wall()) })
  }

  /** What may be told now that it is saved. */
  function tell(effect: AfterCommit | TaskChanged, committed: Committed): void {
    switch (effect.do) {
      case 'task-changed':
        return given.onEvent(effect.event)
      case 'repeat':
        return post(effect.input)
      case 'accept':
        core.view.counters.accepted++
        return clients.accept(effect.task, committed)
      case 'end':
        return end(effect.task, committed)
      case 'revoke':
        return revoke(effect)
      case 'acknowledge':
        return effect.token.resolve(effect.reply, committed)
      case 'revoke-by-heartbeat':
        return effect.token.resolve(effect.reply, committed)
      case 'answer':
        return effect.token.resolve(undefined, committed)
      case 'answer-problem':
        return effect.token.reject(new Problem(effect.type, effect.detail), committed)
    }
  }
}

const NO_ROOM = 'the disk of the store is full; tasks that were accepted are safe'
