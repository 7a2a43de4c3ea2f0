// One simulated world: a master, its slaves, clients and an adversary, under a plan of faults; then
// everything is healed, and all that was promised must come true. The decisions are the production
// dispatcher's and agent's own.

import type { OutgoingOffer } from '../../../master/dispatch/channel.ts'
import { POLICIES } from '../../../master/policies/policies.ts'
import { createMemoryStore } from '../../../master/store/memory.ts'
import { msOf } from '../../../shared/data/clock.ts'
import { createRandom } from '../../../shared/data/random.ts'
import type { CallbacksRequest, Offer } from '../../../shared/protocol/wire.ts'
import { startClients } from './clients.ts'
import { createSimulatedClock } from './clock.ts'
import type { Directory, SlaveProcess } from './directory.ts'
import { createFaults } from './faults.ts'
import { check, createLedger, WAIT_LIMIT_MS } from './ledger.ts'
import { checkCalm, checkExpired, checkRefused, watchHolders } from './looking.ts'
import { createDisk, machinesOf } from './machines.ts'
import { startMasterProcess } from './master-process.ts'
import { watchNeeds } from './needing.ts'
import { createNetwork } from './network.ts'
import { ASK_TIMEOUT_MS, createOddAnswers } from './odd-answers.ts'
import type { Plan } from './plan.ts'
import { drawPlan, FAULTY_MS, mayLoseTime } from './plan.ts'
import { createPolling } from './polling.ts'
import { watchRoom } from './room.ts'
import { createRuns } from './runs.ts'
import { startSimpleSlaveProcess } from './simple-slave.ts'
import { startSlaveProcess } from './slave-process.ts'
import { createTaskIds } from './task-ids.ts'
import { kindsOf } from './terms.ts'
import { ATTEMPTS_MAX, createTries } from './tries.ts'
import { createWatchedStore } from './watched-store.ts'
import { createWeather } from './weather.ts'

/** After the healing, everything must have ended within this. Simulated milliseconds. */
const SETTLE_MS = 1_200_000
/** A task that takes its slave down does so for this long. */
const KILLED_MS = 500

export type WorldResult = {
  /** A digest of everything that happened: the same for the same seed. */
  trace: number
  simulatedMs: number
  promised: number
  events: number
  ended: Record<string, number>
  lost: number
}

/** Runs the world of a seed; or of a plan, when it is given. Throws a Violation. */
export function runWorld(seed: number, plan = drawPlan(seed, createRandom(seed))) {
  return createWorld(plan).run()
}

function createWorld(plan: Plan) {
  const random = createRandom(plan.seed + 2 ** 40)
  const clock = createSimulatedClock()
  const ledger = createLedger(clock.now, {
    // One and a half leases, after which every slave was heard.
    waitMsMin: mayLoseTime(plan) ? 6 * plan.heartbeatMs : Number.POSITIVE_INFINITY,
  })
  const network = createNetwork(
    clock,
    createWeather(plan, random, clock.now, () => faults.isHealed()),
  )
  const directory: Directory = { master: null, slaves: new Map() }
  const slaves: (SlaveProcess | undefined)[] = plan.slaves.map(() => undefined)
  const machines = machinesOf(plan.clocks)
  const disks = plan.slaves.map(createDisk)
  const boots = plan.slaves.map(() => 0)
  const store = createWatchedStore(
    createMemoryStore({
      schedule: (run) => void clock.at(clock.now() + random.next() * plan.syncMs, run),
    }),
    {
      onStored: (task) => {
        ledger.stored(task)
        tries.stored(task)
      },
      isFull: () => faults.diskIsFull(),
      later: (run) => void clock.at(clock.now() + 1, run),
    },
  )
  const taskIds = createTaskIds({
    ...plan,
    wallMs: () => msOf(clock.wallOf(machines.master)),
    onMade: ledger.makes,
    durable: store.all,
    guard,
  })
  let masters = 0
  const odd = createOddAnswers({
    ...plan,
    now: clock.now,
    isHealed: () => faults.isHealed(),
    runs: (i) => `${masters} ${boots[i]}`,
  })
  let trace = 17
  const rooms = watchRoom({ clock, directory, slaves, canTake: (...of) => needing.canTake(...of) })
  const needing = watchNeeds({
    plan,
    clock,
    directory,
    slaves,
    roomSince: rooms.since,
  })
  const tries = createTries({
    plan,
    ledger,
    onUnable: needing.isUnable,
    onMissing: needing.missed,
  })
  const faults = createFaults({
    plan,
    clock,
    random,
    machines,
    directory,
    slaves,
    store,
    guard,
    startMaster,
    startSlave,
  })
  const runs = createRuns({
    plan,
    crashSlave: (slave, afterMs) =>
      clock.at(
        clock.now() + afterMs,
        guard(() => faults.crashSlave(slave, KILLED_MS)),
      ),
    onEnd: (attempt, outcome) => {
      tries.ends(attempt, outcome)
      if (outcome.status === 'failed' && outcome.type === 'program-missing')
        needing.saysUnable(attempt)
    },
  })
  let failure: Error | undefined

  return { run }

  async function run(): Promise<WorldResult> {
    await startMaster()
    plan.slaves.forEach((_, i) => {
      startSlave(i)
    })
    const holders = watchHolders({ plan, clock, directory, ledger, slaves, needing, guard })
    const shared = { plan, clock, network, directory, ledger, random, store, guard }
    const clients = startClients({ ...shared, runs: holders.runs })
    faults.plan()
    await advance(() => false, FAULTY_MS + 1)
    await advance(() => clients.allDone() && whatIsLeft() === '', FAULTY_MS + SETTLE_MS)
    check(clients.allDone(), 'a client still waits for its answer')
    check(whatIsLeft() === '', `not quiet ${SETTLE_MS} ms after the healing: ${whatIsLeft()}`)
    ledger.close(store.get)
    checkRefused(clients.refused(), ledger, store)
    checkCalm(plan, ledger)
    checkExpired(plan, store, faults.skills)
    const { running, waiting } = directory.master!.dispatcher.view
    check(running === 0 && waiting === 0, `of no tasks, ${running} run and ${waiting} wait`)
    const { counters } = directory.master!.dispatcher.view
    return {
      trace,
      simulatedMs: clock.now(),
      promised: ledger.promised.size,
      events: clock.made,
      ended: counters.ended,
      lost: counters.attemptsLost,
    }
  }

  async function advance(done: () => boolean, until: number): Promise<void> {
    let steps = 0
    await clock.run({
      until,
      done: () => {
        guard(rooms.look)()
        trace = Math.imul(trace ^ Math.round(clock.now() * 1e6), 0x01000193)
        return failure !== undefined || (++steps % 64 === 0 && done())
      },
    })
    if (failure) throw failure
  }

  /** Who has something left to do or to say, in words; empty when nobody has. */
  function whatIsLeft(): string {
    const master = directory.master
    if (!master?.life.alive) return 'the master is down'
    if (!master.dispatcher.isSaved) return 'a commit is under way'
    const live = [...master.dispatcher.view.live.values()]
    const tasks = live.map(({ id, stage }) => `${id} ${stage.is}`)
    const held = slaves.flatMap((slave) =>
      slave?.life.alive
        ? slave.agent
            .attempts()
            .attempts.map(({ task, status }) => `${slave.name}: ${task} ${status}`)
        : [`${slave?.name} is down`],
    )
    return [...tasks, ...held].slice(0, 5).join('; ')
  }

  /** A failure anywhere ends the run. */
  function guard(run: () => unknown): () => void {
    const fail = (error: Error): void => void (failure ??= error)
    return () => {
      try {
        const result = run()
        if (result instanceof Promise) result.catch(fail)
      } catch (error) {
        fail(error as Error)
      }
    }
  }

  function startMaster(): Promise<unknown> {
    ledger.masterStarts()
    needing.masterStarts()
    masters++
    return startMasterProcess({
      clock,
      network,
      directory,
      store: store.open(),
      settings: {
        ask: plan.ask,
        heartbeatMs: plan.heartbeatMs,
        askTimeoutMs: ASK_TIMEOUT_MS,
        attemptsMax: ATTEMPTS_MAX,
        retryBackoffMs: 100,
        waitingTasksMax: plan.waitingTasksMax,
        waitLimitMs: WAIT_LIMIT_MS,
      },
      policy: POLICIES[plan.policy],
      random: createRandom(random.integer(2 ** 40)),
      taskIds,
      machine: machines.master,
      onOffer: (offer, slave) => {
        guard(() => odd.asks(slave, 'offer'))()
        onOffer(offer, slave)
      },
      onRevoke: (slave) => guard(() => odd.asks(slave, 'revoke'))(),
      oddAnswer: odd.says,
      onOver: (task, problem) =>
        guard(() => {
          if (problem) needing.refused(task, problem)
          if (problem?.type === 'at-capacity') rooms.refused(task)
        })(),
      onHeard: (attempt, answer) => {
        if (answer === 'unable') needing.isUnable(attempt)
      },
      onAnswer: (attempt, answer) => guard(() => ledger.offerAnswered(attempt, answer))(),
    })
  }

  function startSlave(i: number): void {
    const { slots, reach } = plan.slaves[i]!
    const name = `slave-${i}`
    const boot = `boot-${i}-${boots[i]!++}`
    const skills = faults.skills[i]!
    const { features, programs } = skills
    const containment = 'pid-namespace' as const
    needing.starts(boot, skills)
    const place = {
      clock,
      network,
      directory,
      random: createRandom(random.integer(2 ** 40)),
      url: `http://${name}${faults.moves[i] === 0 ? '' : `-${faults.moves[i]}`}`,
      requestTimeoutMs: 1000,
    }
    const polling = reach === 'asked' ? {} : { polling: createPolling({ ...place, onHanded }) }
    const given = {
      ...place,
      ...polling,
      name,
      machine: machines.slaves[i]!,
      boot,
      kinds: kindsOf(skills),
      onCallback: faults.overhear,
      onRunning: (running: number) =>
        guard(() => check(running <= slots, `${name} runs ${running} with ${slots} slots`))(),
      compute: (offer: Offer) => runs.compute(offer, i, skills),
      onBegin: ({ task, attempt, input }: Offer, as = name) => {
        const { number } = input as { number: number }
        guard(() => ledger.computes(task, number, as, attempt))()
      },
    }
    slaves[i] =
      reach === 'simple'
        ? startSimpleSlaveProcess({ ...given, polling: polling.polling!, onSubmitted: onAnswered })
        : startSlaveProcess({
            ...given,
            slots,
            features,
            tags: [...skills.tags],
            commands: programs === null ? undefined : { programs, containment },
            unable: (offer) => runs.unable(offer, skills),
            disk: disks[i]!,
            outboxMax: 50,
            onCallbackAnswered: onAnswered,
          })

    /** What a simple slave does not repeat, it owes to nobody. */
    function onAnswered({ callbacks }: CallbacksRequest, acknowledged: string[] | null): void {
      guard(() => {
        for (const { attempt, task, outcome } of callbacks) {
          if (acknowledged?.includes(attempt)) ledger.acknowledged(task, attempt, outcome.status)
          else if (acknowledged === null && reach !== 'simple') ledger.unacknowledged(attempt)
        }
      })()
    }
  }

  function onHanded(offer: OutgoingOffer, slave: string): void {
    onOffer(offer, slave)
    ledger.handed(offer.task, offer.attempt)
  }

  function onOffer(offer: OutgoingOffer, slave: string): void {
    const { attempt } = offer
    guard(() => {
      check(!faults.drained.has(slave), `${slave} is drained, and is offered ${attempt}`)
      needing.offered(offer, slave)
    })()
    ledger.offered(attempt, slave)
  }
}
