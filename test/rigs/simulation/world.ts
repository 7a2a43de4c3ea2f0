// One simulated world: a master, its slaves, clients and an adversary, under a plan of faults; then
// everything is healed, and all that was promised must come true. The decisions are the production
// dispatcher's and agent's own.

import { POLICIES } from '../../../master/policies/policies.ts'
import { createMemoryStore } from '../../../master/store/memory.ts'
import { msOf } from '../../../shared/data/clock.ts'
import { createRandom } from '../../../shared/data/random.ts'
import type { Callback, CallbacksRequest, Outcome } from '../../../shared/protocol/wire.ts'
import type { Run } from '../../../slave/executor/executors.ts'
import { startClients } from './clients.ts'
import type { Life } from './clock.ts'
import { createSimulatedClock } from './clock.ts'
import type { Directory, SlaveProcess } from './directory.ts'
import { ATTEMPTS_MAX, check, createLedger, WAIT_LIMIT_MS } from './ledger.ts'
import { checkCalm, checkExpired, checkRefused, watchHolders } from './looking.ts'
import { createDisk, machinesOf } from './machines.ts'
import { createNetwork } from './network.ts'
import { ASK_TIMEOUT_MS, createOddAnswers } from './odd-answers.ts'
import type { Fault, Plan } from './plan.ts'
import { drawPlan, FAULTY_MS, mayLoseTime } from './plan.ts'
import { createPolling } from './polling.ts'
import { startMasterProcess, startSlaveProcess } from './processes.ts'
import { watchRoom } from './room.ts'
import { startSimpleSlaveProcess } from './simple-slave.ts'
import { createTaskIds } from './task-ids.ts'
import { createWatchedStore } from './watched-store.ts'
import { createWeather } from './weather.ts'

/** After the healing, everything must have ended within this. Simulated milliseconds. */
const SETTLE_MS = 1_200_000
/** The adversary remembers this many callbacks. */
const OVERHEARD_MAX = 50
const RESUME_AGAIN_MS = 60_000
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
    // A master that starts anew may count an attempt again that it lost or heard of before.
    runsMin: plan.faults.some((fault) => fault.is === 'crash' && fault.who === 'master')
      ? 1
      : ATTEMPTS_MAX,
    // One and a half leases, after which every slave was heard.
    waitMsMin: mayLoseTime(plan) ? 6 * plan.heartbeatMs : Number.POSITIVE_INFINITY,
  })
  const network = createNetwork(
    clock,
    createWeather(plan, random, clock.now, () => healed),
  )
  const directory: Directory = { master: null, slaves: new Map() }
  const slaves: (SlaveProcess | undefined)[] = plan.slaves.map(() => undefined)
  const machines = machinesOf(plan.clocks)
  const disks = plan.slaves.map(createDisk)
  const boots = plan.slaves.map(() => 0)
  const moves = plan.slaves.map(() => 0)
  const overheard: CallbacksRequest[] = []
  /** Slaves of which the operator knows that they are drained, and what he last wanted. */
  const drained = new Set<string>()
  const wanted = new Map<string, object>()
  const store = createWatchedStore(
    createMemoryStore({
      schedule: (run) => void clock.at(clock.now() + random.next() * plan.syncMs, run),
    }),
    { ledger, isFull: diskIsFull, later: (run) => void clock.at(clock.now() + 1, run) },
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
    isHealed: () => healed,
    runs: (i) => `${masters} ${boots[i]}`,
  })
  let trace = 17
  const rooms = watchRoom({ clock, directory, slaves })
  let healed = false
  let failure: Error | undefined

  return { run }

  async function run(): Promise<WorldResult> {
    await startMaster()
    plan.slaves.forEach((_, i) => {
      startSlave(i)
    })
    const holders = watchHolders({ plan, clock, directory, ledger, slaves, guard })
    const shared = { plan, clock, network, directory, ledger, random, store, guard }
    const clients = startClients({ ...shared, runs: holders.runs })
    for (const fault of plan.faults)
      clock.at(
        fault.at,
        guard(() => begin(fault)),
      )
    clock.at(FAULTY_MS, guard(heal))
    await advance(() => false, FAULTY_MS + 1)
    await advance(() => clients.allDone() && whatIsLeft() === '', FAULTY_MS + SETTLE_MS)
    check(clients.allDone(), 'a client still waits for its answer')
    check(whatIsLeft() === '', `not quiet ${SETTLE_MS} ms after the healing: ${whatIsLeft()}`)
    ledger.close(store.get)
    checkRefused(clients.refused(), ledger, store)
    checkCalm(plan, ledger)
    checkExpired(plan, store)
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
      onOffer: (attempt, slave) => {
        guard(() => odd.asks(slave, 'offer'))()
        onOffer(attempt, slave)
      },
      onRevoke: (slave) => guard(() => odd.asks(slave, 'revoke'))(),
      oddAnswer: odd.says,
      onOver: (task, problem) => {
        if (problem?.type !== 'at-capacity') return
        guard(() => rooms.refused(task))()
      },
      onAnswer: (attempt, answer) => guard(() => ledger.offerAnswered(attempt, answer))(),
    })
  }

  function startSlave(i: number): void {
    const { slots, speed, reach } = plan.slaves[i]!
    const name = `slave-${i}`
    const place = {
      clock,
      network,
      directory,
      random: createRandom(random.integer(2 ** 40)),
      url: `http://${name}${moves[i] === 0 ? '' : `-${moves[i]}`}`,
      requestTimeoutMs: 1000,
    }
    const polling = reach === 'asked' ? {} : { polling: createPolling({ ...place, onHanded }) }
    const given = {
      ...place,
      ...polling,
      name,
      machine: machines.slaves[i]!,
      boot: `boot-${i}-${boots[i]!++}`,
      kinds: ['cube'],
      onCallback: (request: CallbacksRequest) => {
        if (overheard.length < OVERHEARD_MAX) overheard.push(structuredClone(request))
      },
      onRunning: (running: number) =>
        guard(() => check(running <= slots, `${name} runs ${running} with ${slots} slots`))(),
      compute: (run: Run) => compute(run, i, speed),
      onBegin: (task: string, { input, attempt }: Run, as = name) => {
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

  function onHanded(task: string, attempt: string, slave: string): void {
    onOffer(attempt, slave)
    ledger.handed(task, attempt)
  }

  function onOffer(attempt: string, slave: string): void {
    guard(() => check(!drained.has(slave), `${slave} is drained, and is offered ${attempt}`))()
    ledger.offered(attempt, slave)
  }

  function compute(
    { input }: Run,
    slave: number,
    speed: number,
  ): { outcome: Outcome; ranMs: number } {
    const { number, ms } = input as { number: number; ms: number }
    const { nature } = plan.tasks[number]!
    const ranMs = ms / speed
    const done: Outcome = { status: 'done', result: { value: number ** 3 - number } }
    switch (nature) {
      case 'endless':
        return { outcome: done, ranMs: Number.POSITIVE_INFINITY }
      case 'poison':
        return { outcome: failed('executor-crashed'), ranMs: Math.min(ranMs, 50) }
      case 'fails':
        return { outcome: failed('evaluation'), ranMs }
      case 'killer':
        clock.at(
          clock.now() + Math.min(ranMs, 100),
          guard(() => crashSlave(slave, 500)),
        )
        return { outcome: done, ranMs: ranMs + 200 }
      default:
        return { outcome: done, ranMs }
    }
  }

  function begin(fault: Fault): unknown {
    if (healed) return
    switch (fault.is) {
      case 'crash':
        if (fault.who === 'master') return crashMaster(fault.forMs, fault.luckyCommits)
        return crashSlave(fault.who, fault.forMs)
      case 'pause':
        return pause(
          fault.who === 'master' ? directory.master?.life : slaves[fault.who]?.life,
          fault.forMs,
        )
      case 'move':
        moves[fault.who]!++
        return crashSlave(fault.who, 50)
      case 'drain':
        clock.at(clock.now() + fault.forMs, () => drain(fault.who, false))
        return drain(fault.who, true)
      case 'clock':
        return machines.set(fault)
      case 'replay':
        return say(overheard[random.integer(Math.max(1, overheard.length))])
      case 'forge':
        return forge()
      default: // Partitions, weather, full disks and odd answers are looked up when they matter.
    }
  }

  function pause(life: Life | undefined, forMs: number): void {
    if (life) life.pausedUntil = Math.min(clock.now() + forMs, FAULTY_MS)
  }

  function crashSlave(i: number, forMs: number): void {
    const slave = slaves[i]
    if (!slave?.life.alive) return
    slave.life.alive = false
    slave.hangUp?.()
    clock.at(
      clock.now() + forMs,
      guard(() => startSlave(i)),
    )
  }

  function crashMaster(forMs: number, lucky: number): void {
    const { master } = directory
    if (!master?.life.alive) return
    master.life.alive = false
    store.crash(lucky)
    clock.at(clock.now() + forMs, guard(startMaster))
  }

  function drain(i: number, isDrained: boolean): void {
    const { master } = directory
    const name = `slave-${i}`
    const order = {}
    wanted.set(name, order)
    if (!isDrained) drained.delete(name)
    if (!master?.life.alive) return
    master.dispatcher.drain(name, isDrained).then(
      () => isDrained && wanted.get(name) === order && drained.add(name),
      () => {},
    )
  }

  /** The adversary says something to the master. */
  function say(request: CallbacksRequest | undefined): void {
    const { master } = directory
    if (master?.life.alive && request) master.dispatcher.callbacks(request).catch(() => {})
  }

  /** A result of an attempt that was never made, for a task that is alive. */
  function forge(): void {
    const live = [...(directory.master?.dispatcher.view.live.keys() ?? [])]
    const task = live[random.integer(Math.max(1, live.length))] ?? 'task-00000000'
    const outcome: Outcome = { status: 'done', result: { value: -1 } }
    const callback: Callback = { attempt: 'A'.repeat(38), task, outcome, ranMs: 1 }
    const state = overheard[0]?.state
    if (state) say({ state, callbacks: [callback] })
    // And a list that claims it.
    const liar = slaves[random.integer(slaves.length)]
    const { master } = directory
    if (!liar?.life.alive || !master?.life.alive) return
    const { state: now, attempts } = liar.agent.attempts()
    const claimed = { attempt: callback.attempt, task, status: 'running' as const }
    master.dispatcher.heartbeat({ state: now, attempts: [...attempts, claimed] }).catch(() => {})
  }

  function heal(): void {
    healed = true
    for (const process of [directory.master, ...slaves]) {
      if (process) process.life.pausedUntil = Math.min(process.life.pausedUntil, clock.now())
    }
    resumeAll()
    // Once more, in case the master was down.
    clock.at(clock.now() + RESUME_AGAIN_MS, guard(resumeAll))
  }

  function resumeAll(): void {
    plan.slaves.forEach((_, i) => {
      drain(i, false)
    })
  }

  function diskIsFull(): boolean {
    const full = (fault: Fault): boolean =>
      fault.is === 'disk full' && fault.at <= clock.now() && clock.now() < fault.at + fault.forMs
    return !healed && plan.faults.some(full)
  }
}

const failed = (type: 'executor-crashed' | 'evaluation'): Outcome => ({
  status: 'failed',
  type,
  message: 'as planned',
})
