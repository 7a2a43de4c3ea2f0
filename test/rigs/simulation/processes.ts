// The two processes of a simulated world: the production dispatcher and the production agent, each
// with simulated clock, network, disk and executors in place of the real ones.

import type { CoreSettings } from '../../../master/core/context.ts'
import type { RefusedEvent, TaskEvent } from '../../../master/core/events.ts'
import type { Input } from '../../../master/core/messages.ts'
import type { Task } from '../../../master/core/state.ts'
import type { OutgoingOffer } from '../../../master/dispatch/channel.ts'
import { howUnanswered } from '../../../master/dispatch/channel.ts'
import { createDispatcher } from '../../../master/dispatch/dispatcher.ts'
import { createOutputs } from '../../../master/dispatch/output-schemas.ts'
import type { PushChannels } from '../../../master/dispatch/push-channel.ts'
import type { Policy } from '../../../master/policies/policy.ts'
import type { Store } from '../../../master/store/store.ts'
import type { Clock } from '../../../shared/data/clock.ts'
import { later } from '../../../shared/data/clock.ts'
import type { IdsAfter } from '../../../shared/data/ids.ts'
import type { Random } from '../../../shared/data/random.ts'
import { PeerError } from '../../../shared/http/peer.ts'
import { watchClock } from '../../../shared/process/clock-watch.ts'
import { createLog } from '../../../shared/process/log.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import type {
  CallbacksReply,
  CallbacksRequest,
  OffersReply,
  Outcome,
  RevokeReply,
} from '../../../shared/protocol/wire.ts'
import type { Agent } from '../../../slave/agent/agent.ts'
import { createAgent } from '../../../slave/agent/agent.ts'
import type { Executors, Run, RunEnded } from '../../../slave/executor/executors.ts'
import type { Link } from '../../../slave/link/link.ts'
import type { Life, Machine, SimulatedClock } from './clock.ts'
import type { AskedProcess, Directory, MasterProcess, SlaveProcess } from './directory.ts'
import type { Disk } from './machines.ts'
import type { Network } from './network.ts'
import type { Says } from './odd-answers.ts'
import type { Polling } from './polling.ts'

const log = await createLog('simulation', 'silent')

/** Copies what crosses the network, so that no process sees into another's memory. */
const copy = <T>(value: T): T => asJson(value) as T

/** What JSON makes of a value and back, in half the time. */
function asJson(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((each) => asJson(each) ?? null)
  const made: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    const each = asJson((value as Record<string, unknown>)[key])
    if (each !== undefined) made[key] = each
  }
  return made
}

export async function startMasterProcess(given: {
  clock: SimulatedClock
  network: Network
  directory: Directory
  store: Store
  settings: CoreSettings
  policy: Policy
  random: Random
  taskIds: IdsAfter
  /** Where it runs; without it the clock is right, and is not watched. */
  machine?: Machine
  slaves?: { name: string; url: string }[]
  onOffer?: (attempt: string, slave: string) => void
  onRevoke?: (slave: string) => void
  onAnswer?: (attempt: string, answer: string) => void
  /** What a slave answers in place of what it should, if anything. */
  oddAnswer?: (url: string, to: 'offer' | 'revoke') => Says | null
  onEvent?: (event: TaskEvent | RefusedEvent) => void
  /** Of every task that has ended or was refused, in the step that decides it. */
  onOver?: (task: Task, problem: Problem | null) => void
}): Promise<MasterProcess> {
  const life: Life = { alive: true, pausedUntil: 0 }
  const clock = given.clock.of(life, given.machine)
  const dispatcher = await createDispatcher({
    ...given,
    settings: { ...given.settings, keepMs: Infinity, keepTasksMax: Infinity },
    slaves: given.slaves ?? [],
    clock,
    attemptIds: simulatedAttemptIds(given.random),
    outputs: createOutputs(new Map()),
    push: (receive) => simulatedChannels(given, life, receive),
    log,
    onEvent: given.onEvent ?? (() => {}),
    onOver: (task, _trace, problem) => given.onOver?.(task, problem),
    onBroken: () => {
      life.alive = false
    },
  })
  const process = { life, dispatcher }
  given.directory.master = process
  if (given.machine) watchClock(clock, log).onStep(dispatcher.clockStepped)
  return process
}

/** As attempt-ids.ts, with a signature that only the simulator need believe. */
const simulatedAttemptIds = (random: Random) => (secret: string) => ({
  issuer: sign(secret, '', ''),
  make: (task: string, slave: string) => `${random.integer(2 ** 48)}.${sign(secret, task, slave)}`,
  made: (attempt: string, task: string, slave: string) =>
    attempt.endsWith(`.${sign(secret, task, slave)}`),
})

function sign(secret: string, task: string, slave: string): string {
  let mixed = 0x811c9dc5
  for (const text of [secret, task, slave]) {
    for (let i = 0; i < text.length; i++) mixed = Math.imul(mixed ^ text.charCodeAt(i), 0x01000193)
  }
  return (mixed >>> 0).toString(36)
}

function simulatedChannels(
  given: {
    network: Network
    directory: Directory
    settings: CoreSettings
    onOffer?: (attempt: string, slave: string) => void
    onRevoke?: (slave: string) => void
    onAnswer?: (attempt: string, answer: string) => void
    oddAnswer?: (url: string, to: 'offer' | 'revoke') => Says | null
  },
  life: Life,
  receive: (input: Input) => void,
): PushChannels {
  const { network, directory, settings } = given

  function ask<Reply>(
    to: string,
    handle: (agent: Agent) => Reply,
    done: (error: PeerError | null, reply?: Reply) => void,
    odd: () => Says | null = () => null,
  ): void {
    if (!life.alive) return
    network.request<Reply>({
      from: 'master',
      to,
      listens: () => directory.slaves.get(to)?.life.alive === true,
      handle: (answer) => {
        const slave = directory.slaves.get(to) as AskedProcess
        network.whenAwake(slave.life, () => respond(odd(), () => copy(handle(slave.agent)), answer))
      },
      timeoutMs: settings.askTimeoutMs,
      done: (error, reply) => network.whenAwake(life, () => done(error, reply)),
    })
  }

  return {
    to: (slave, url) => ({
      expect: () => {},
      offer: (offer) => offer && sendOffer(slave, url, offer),
      revoke: (attempts) => sendRevokes(slave, url, attempts),
    }),
    visit(name, url, token) {
      ask(
        url,
        (agent) => agent.attempts(),
        (error, said) => {
          if (said) receive({ is: 'visited', name, url, said, token })
          else receive({ is: 'not-reached', name, url, reason: error?.message ?? '', token })
        },
      )
    },
    close: async () => {},
  }

  function sendOffer(slave: string, url: string, { input, boot, ...offer }: OutgoingOffer): void {
    const offers = [{ ...offer, input: JSON.parse(input) as unknown }]
    const attempts = [offer.attempt]
    given.onOffer?.(offer.attempt, slave)
    ask<OffersReply>(
      url,
      (agent) => {
        const said = agent.offer({ boot, offers })
        for (const { attempt, answer } of said.answers) given.onAnswer?.(attempt, answer)
        return said
      },
      (error, reply) => {
        if (reply) return receive({ is: 'answers', slave, ...reply })
        const failed = error as PeerError
        const { message: reason } = failed
        receive({ is: 'no-answer', slave, attempts, how: howUnanswered(failed), reason })
      },
      () => given.oddAnswer?.(url, 'offer') ?? null,
    )
  }

  function sendRevokes(slave: string, url: string, attempts: string[]): void {
    given.onRevoke?.(slave)
    ask<RevokeReply>(
      url,
      (agent) => ({ state: agent.revoke(attempts) }),
      (_error, reply) => {
        if (reply) receive({ is: 'revoked', slave, attempts, state: reply.state })
        else receive({ is: 'not-revoked', slave, attempts })
      },
      () => given.oddAnswer?.(url, 'revoke') ?? null,
    )
  }
}

/** Answers a request: as it should be, or in another way. */
function respond<Reply>(
  odd: Says | null,
  run: () => Reply,
  answer: (error: PeerError | null, reply?: Reply) => void,
): void {
  switch (odd) {
    case null:
      return answer(null, run())
    case '403':
      return answer(new PeerError('answered 403', true, 403))
    case '500':
      return answer(new PeerError('answered 500', true, 500))
    case '500 though it took it':
      run()
      return answer(new PeerError('answered 500', true, 500))
    case 'something else':
      return answer(new PeerError('the response does not match its schema', true))
    case 'nothing':
  }
}

export function startSlaveProcess(given: {
  clock: SimulatedClock
  network: Network
  directory: Directory
  random: Random
  name: string
  url: string
  boot: string
  machine?: Machine
  /** Given to a slave that pulls; no master reaches it then. */
  polling?: Polling
  slots: number
  kinds: string[]
  disk: Disk
  requestTimeoutMs: number
  outboxMax?: number
  /** How a run ends, and after how many milliseconds; Infinity: never. */
  compute: Compute
  onBegin?: (task: string, run: Run) => void
  onRunning?: (running: number) => void
  onCallback?: (request: CallbacksRequest) => void
  /** The slave hears how its callback went. */
  onCallbackAnswered?: (request: CallbacksRequest, acknowledged: string[] | null) => void
}): SlaveProcess {
  const life: Life = { alive: true, pausedUntil: 0 }
  const clock = given.clock.of(life, given.machine)
  const agent = createAgent({
    outboxMax: 10_000,
    ...given,
    store: given.disk.store,
    kept: given.disk.kept(),
    clock,
    url: () => given.url,
    master: 'http://master',
    pull: given.polling !== undefined,
    version: 'simulated',
    tags: [],
    link: simulatedLink(given, life),
    partitions: null,
    delivery: null,
    executors: (onEnded) => simulatedExecutors(clock, given, (attempt) => taskOf(attempt), onEnded),
    log,
  })
  const taskOf = (attempt: string): string =>
    agent.attempts().attempts.find((held) => held.attempt === attempt)?.task ?? ''
  const process = { life, agent, boot: given.boot, name: given.name }
  if (given.polling) Object.assign(process, { hangUp: given.polling.hangUpAll })
  else given.directory.slaves.set(given.url, process)
  agent.start()
  return process
}

type Compute = (run: Run) => { outcome: Outcome; ranMs: number }

const OVER_LIMIT: Outcome = { status: 'failed', type: 'time-limit', message: 'over its limit' }

function simulatedExecutors(
  clock: Clock,
  given: {
    compute: Compute
    onBegin?: (task: string, run: Run) => void
    onRunning?: (running: number) => void
  },
  taskOf: (attempt: string) => string,
  onEnded: (ended: RunEnded[]) => void,
): Executors {
  const running = new Map<string, () => void>()
  return {
    run(run) {
      const { outcome, ranMs } = given.compute(run)
      const inTime = ranMs <= run.runLimitMs
      const ended: RunEnded = inTime
        ? { attempt: run.attempt, outcome, ranMs }
        : { attempt: run.attempt, outcome: OVER_LIMIT, ranMs: run.runLimitMs }
      const end = (): void => {
        running.delete(run.attempt)
        onEnded([ended])
      }
      running.set(run.attempt, clock.at(later(clock.now(), ended.ranMs), end))
      given.onRunning?.(running.size)
      given.onBegin?.(taskOf(run.attempt), run)
    },
    waits: () => false,
    kill(attempt) {
      running.get(attempt)?.()
      running.delete(attempt)
    },
    close: async () => {
      for (const callOff of running.values()) callOff()
    },
  }
}

function simulatedLink(
  given: {
    network: Network
    directory: Directory
    url: string
    polling?: Polling
    requestTimeoutMs: number
    onCallback?: (request: CallbacksRequest) => void
    onCallbackAnswered?: (request: CallbacksRequest, acknowledged: string[] | null) => void
  },
  life: Life,
): Link {
  const { network, directory } = given

  function ask<Reply>(
    handle: (master: MasterProcess['dispatcher']) => Promise<Reply>,
    done: (error: PeerError | null, reply?: Reply) => void,
  ): void {
    if (!life.alive) return
    network.request<Reply>({
      from: given.url,
      to: 'master',
      listens: () => directory.master?.life.alive === true,
      handle: (answer) => {
        const master = directory.master as MasterProcess
        network.whenAwake(master.life, () => {
          handle(master.dispatcher).then(
            (reply) => master.life.alive && answer(null, copy(reply)),
            (error: Error) => answer(new PeerError(error.message, true, statusOf(error))),
          )
        })
      },
      timeoutMs: given.requestTimeoutMs,
      done: (error, reply) => network.whenAwake(life, () => done(error, reply)),
    })
  }

  return {
    register: (registration, done) => ask((master) => master.register(copy(registration)), done),
    beat: (heartbeat, done) => {
      const said = copy(heartbeat)
      ask((master) => master.heartbeat(said), done)
    },
    callBack: (request, done) => {
      const said = copy(request)
      given.onCallback?.(said)
      ask<CallbacksReply>(
        (master) => master.callbacks(said),
        (error, reply) => {
          given.onCallbackAnswered?.(said, error ? null : (reply?.acknowledged ?? []))
          done(error, reply)
        },
      )
    },
    poll: (state, waitMs, done) => {
      given.polling?.poll(life, { simple: false, state: copy(state) }, waitMs, done)
    },
    leave: (name, boot, done) => ask((master) => master.leave(name, boot), done),
    close: async () => {},
  }
}

const statusOf = (error: Error): number | null => (error instanceof Problem ? error.status : null)
