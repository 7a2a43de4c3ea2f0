// The machines of a simulated world: what outlives the processes on them, which is their disks and their
// clocks. Wall clocks differ, drift and are set; only true time, the simulated clock's own, is right.

import type { Random } from '../../../shared/data/random.ts'
import { createRandom } from '../../../shared/data/random.ts'
import type { Callback } from '../../../shared/protocol/wire.ts'
import { createMemoryOutbox } from '../../../slave/link/outbox-store.ts'
import type { Machine } from './clock.ts'

export type Machines = ReturnType<typeof machinesOf>
export type Disk = ReturnType<typeof createDisk>

/** Sets the stream of randomness apart from the world's others. */
const CLOCK_SEED = 2 ** 43
/** What a right clock says when the world begins: as long after 1970 as now. */
const BEGIN_MS = 1_800_000_000_000
/** Clocks go wrong by seconds, hours or weeks. */
const WRONG_MS = [2_000, 3_600_000, 30 * 86_400_000]
const DRIFT_MAX = 0.001
const STEPS_MAX = 4

/** Somebody sets the wall clock of a machine, or it resumes after it was suspended. */
export type ClockFault = { is: 'clock'; who: 'master' | number; at: number; byMs: number }
export type Clocks = { master: Machine; slaves: Machine[] }

/**
 * What is wrong with the clocks of a world: in half of all worlds nothing. Drawn apart: all else is as
 * it would be without.
 */
export function drawClocks(seed: number, slaves: number, faultyMs: number) {
  const random = createRandom(seed + CLOCK_SEED)
  const isRight = random.next() < 0.5
  const machine = (): Machine => (isRight ? { aheadMs: 0, rate: 1 } : drawMachine(random))
  const clocks: Clocks = { master: machine(), slaves: Array.from({ length: slaves }, machine) }
  const steps = isRight ? 0 : random.integer(STEPS_MAX + 1)
  const faults = Array.from(
    { length: steps },
    (): ClockFault => ({
      is: 'clock',
      who: random.next() < 0.7 ? 'master' : random.integer(slaves),
      at: random.next() * faultyMs,
      byMs: drawWrongMs(random),
    }),
  )
  return { clocks, faults }
}

function drawMachine(random: Random): Machine {
  const aheadMs = random.next() < 0.3 ? 0 : drawWrongMs(random)
  return { aheadMs, rate: 1 + DRIFT_MAX * (2 * random.next() - 1) }
}

function drawWrongMs(random: Random): number {
  const most = WRONG_MS[random.integer(WRONG_MS.length)] as number
  return Math.round(most * (2 * random.next() - 1))
}

/** Those of a plan, to be set while the world runs: a plan is run more than once. */
export function machinesOf({ master, slaves }: Clocks) {
  const begun = (machine: Machine): Machine => ({
    ...machine,
    aheadMs: BEGIN_MS + machine.aheadMs,
  })
  const machines = { master: begun(master), slaves: slaves.map(begun) }
  return {
    ...machines,
    set({ who, byMs }: ClockFault): void {
      const machine = who === 'master' ? machines.master : machines.slaves[who]
      if (machine) machine.aheadMs += byMs
    },
  }
}

/** A slave's disk: it outlives its process, which sees copies only. */
export function createDisk() {
  const kept = new Map<string, Callback>()
  const store = createMemoryOutbox(kept)
  return {
    store: { ...store, keep: (callbacks: readonly Callback[]) => store.keep(copy(callbacks)) },
    /** What a process that starts finds there. */
    kept: (): Callback[] => copy([...kept.values()]),
  }
}

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
