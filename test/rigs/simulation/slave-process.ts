// A slave of a simulated world: the production agent, with simulated clock, network, disk and executors
// in place of the real ones.

import type { Clock } from '../../../shared/data/clock.ts'
import { later } from '../../../shared/data/clock.ts'
import type { Random } from '../../../shared/data/random.ts'
import { createLog } from '../../../shared/process/log.ts'
import type {
  CallbacksReply,
  CallbacksRequest,
  Commands,
  Feature,
  Offer,
  Outcome,
} from '../../../shared/protocol/wire.ts'
import { createAgent } from '../../../slave/agent/agent.ts'
import type { Executors, RunEnded } from '../../../slave/executor/executors.ts'
import type { Link } from '../../../slave/link/link.ts'
import type { Life, Machine, SimulatedClock } from './clock.ts'
import type { Directory, SlaveProcess } from './directory.ts'
import type { Disk } from './machines.ts'
import type { Network } from './network.ts'
import { copy } from './network.ts'
import type { Polling } from './polling.ts'
import { askMaster } from './to-master.ts'

const log = await createLog('simulation', 'silent')

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
  tags?: string[]
  features?: readonly Feature[]
  commands?: Commands | undefined
  /** What it cannot do of an offer, although its card says so. */
  unable?: (offer: Offer) => string | null
  disk: Disk
  requestTimeoutMs: number
  outboxMax?: number
  /** How a run ends, and after how many milliseconds; Infinity: never. */
  compute: Compute
  onBegin?: (offer: Offer) => void
  onRunning?: (running: number) => void
  onCallback?: (request: CallbacksRequest) => void
  /** The slave hears how its callback went. */
  onCallbackAnswered?: (request: CallbacksRequest, acknowledged: string[] | null) => void
}): SlaveProcess {
  const life: Life = { alive: true, pausedUntil: 0 }
  const clock = given.clock.of(life, given.machine)
  const agent = createAgent({
    outboxMax: 10_000,
    tags: [],
    ...given,
    store: given.disk.store,
    kept: given.disk.kept(),
    clock,
    url: () => given.url,
    master: 'http://master',
    pull: given.polling !== undefined,
    version: 'simulated',
    link: simulatedLink(given, life),
    partitions: null,
    delivery: null,
    executors: (onEnded) => simulatedExecutors(clock, given, onEnded),
    log,
  })
  const process = { life, agent, boot: given.boot, name: given.name }
  if (given.polling) Object.assign(process, { hangUp: given.polling.hangUpAll })
  else given.directory.slaves.set(given.url, process)
  agent.start()
  return process
}

export type Compute = (offer: Offer) => { outcome: Outcome; ranMs: number }

const OVER_LIMIT: Outcome = { status: 'failed', type: 'time-limit', message: 'over its limit' }

function simulatedExecutors(
  clock: Clock,
  given: {
    compute: Compute
    onBegin?: (offer: Offer) => void
    onRunning?: (running: number) => void
  },
  onEnded: (ended: RunEnded[]) => void,
): Executors<Offer> {
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
      given.onBegin?.(run)
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
  const asker = { ...given, life, timeoutMs: given.requestTimeoutMs }

  return {
    register: (registration, done) =>
      askMaster(asker, (master) => master.register(copy(registration)), done),
    beat: (heartbeat, done) => {
      const said = copy(heartbeat)
      askMaster(asker, (master) => master.heartbeat(said), done)
    },
    callBack: (request, done) => {
      const said = copy(request)
      given.onCallback?.(said)
      askMaster<CallbacksReply>(
        asker,
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
    leave: (name, boot, done) => askMaster(asker, (master) => master.leave(name, boot), done),
    close: async () => {},
  }
}
