// What befalls a simulated world: its faults happen at their times, among them what an operator and an
// adversary do; then everything is healed.

import type { Random } from '../../../shared/data/random.ts'
import type { Callback, CallbacksRequest, Outcome } from '../../../shared/protocol/wire.ts'
import type { Life, SimulatedClock } from './clock.ts'
import type { Directory, SlaveProcess } from './directory.ts'
import type { Machines } from './machines.ts'
import type { Fault, Plan } from './plan.ts'
import { FAULTY_MS } from './plan.ts'
import type { Skills } from './terms.ts'
import type { WatchedStore } from './watched-store.ts'

const RESUME_AGAIN_MS = 60_000
/** The adversary remembers this many callbacks. */
const OVERHEARD_MAX = 50

export type Faults = ReturnType<typeof createFaults>

export function createFaults(given: {
  plan: Plan
  clock: SimulatedClock
  random: Random
  machines: Machines
  directory: Directory
  slaves: (SlaveProcess | undefined)[]
  store: WatchedStore
  guard: (run: () => unknown) => () => void
  startMaster: () => Promise<unknown>
  startSlave: (i: number) => void
}) {
  const { plan, clock, random, machines, directory, slaves, store, guard } = given
  const overheard: CallbacksRequest[] = []
  /** Slaves of which the operator knows that they are drained, and what he last wanted. */
  const drained = new Set<string>()
  const wanted = new Map<string, object>()
  const moves = plan.slaves.map(() => 0)
  /** What the cards of the slaves say when they start the next time. */
  const skills = plan.slaves.map((slave) => slave.skills)
  let healed = false

  return {
    drained: drained as ReadonlySet<string>,
    moves: moves as readonly number[],
    skills: skills as readonly Skills[],
    crashSlave,
    heal,
    isHealed: () => healed,

    /** Lets all faults of the plan happen at their times, and the healing. */
    plan(): void {
      for (const fault of plan.faults)
        clock.at(
          fault.at,
          guard(() => begin(fault)),
        )
      clock.at(FAULTY_MS, guard(heal))
    },

    /** The adversary may hear it. */
    overhear(request: CallbacksRequest): void {
      if (overheard.length < OVERHEARD_MAX) overheard.push(structuredClone(request))
    },

    diskIsFull(): boolean {
      const full = (fault: Fault): boolean =>
        fault.is === 'disk full' && fault.at <= clock.now() && clock.now() < fault.at + fault.forMs
      return !healed && plan.faults.some(full)
    },
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
      case 'card':
        skills[fault.who] = fault.skills
        return crashSlave(fault.who, fault.forMs)
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
      guard(() => given.startSlave(i)),
    )
  }

  function crashMaster(forMs: number, lucky: number): void {
    const { master } = directory
    if (!master?.life.alive) return
    master.life.alive = false
    store.crash(lucky)
    clock.at(clock.now() + forMs, guard(given.startMaster))
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
}
