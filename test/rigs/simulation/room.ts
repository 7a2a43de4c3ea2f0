// Nobody is refused for want of a slot while one is free and the master knows it.

import { isReachable } from '../../../master/core/reach.ts'
import { isElsewhere } from '../../../master/core/registry.ts'
import type { Slave, Task } from '../../../master/core/state.ts'
import type { SimulatedClock } from './clock.ts'
import type { Directory, SlaveProcess } from './directory.ts'
import { check } from './ledger.ts'

/** A slave's own word of its slots, and the boot and generation of it: these two never say two things. */
type Word = { boot: string; generation: number; free: number }

/**
 * Watches which slaves have room and the master knows it: it has heard their newest state, nothing is in
 * their way, and the slots that they have free are more than the offers that are on their way to them.
 */
export function watchRoom(given: {
  clock: SimulatedClock
  directory: Directory
  slaves: (SlaveProcess | undefined)[]
  /** Whether its card says that it can run such a task, and it did not say otherwise. */
  canTake: (slave: Slave, task: Task) => boolean
}) {
  const { clock, directory, slaves } = given
  const words = new Map<Slave, Word>()
  /** Since when without a break. */
  const since = new Map<Slave, number>()

  return {
    /** After each event. */
    look(): void {
      const all = directory.master?.dispatcher.view.registry.byName
      for (const slave of words.keys()) if (all?.get(slave.name) !== slave) forget(slave)
      for (const process of slaves) {
        const slave = process && all?.get(process.name)
        if (!slave) continue
        if (!hasRoom(slave, process)) since.delete(slave)
        else if (!since.has(slave)) since.set(slave, clock.now())
      }
    },

    since: (slave: Slave): number | undefined => since.get(slave),

    /**
     * A task is refused as at-capacity: every slave that has had room since before the task came was
     * asked for it. One that has got room since may have been passed over before.
     */
    refused(task: Task): void {
      const { trail, since: cameAt } = task
      for (const process of slaves) {
        const slave = directory.master?.dispatcher.view.registry.byName.get(process?.name ?? '')
        if (!process?.life.alive || !slave || !given.canTake(slave, task)) continue
        const { boot, generation } = process.agent.attempts().state
        if (slave.boot !== boot || slave.generation !== generation) continue
        // In this turn of the master it may have been offered another task, or drained.
        if (!hasRoom(slave, process)) continue
        const wasAsked = trail.some(
          (each) => each.slave === slave.name && each.knownMs === undefined,
        )
        const from = since.get(slave) ?? Number.POSITIVE_INFINITY
        const words = `a task is refused as at-capacity while ${slave.name} has had room since ${from}`
        check(wasAsked || from >= cameAt, words)
      }
    },
  }

  function hasRoom(slave: Slave, process: SlaveProcess): boolean {
    return isOpen(slave) && wordOf(slave, process).free > slave.offers.size
  }

  /** What it said when it said what the master knows; no room where it has said something newer. */
  function wordOf(slave: Slave, { agent }: SlaveProcess): Word {
    const { boot, generation } = slave
    const known = words.get(slave)
    if (known?.boot === boot && known.generation === generation) return known
    const { state } = agent.attempts()
    const isNewest = state.boot === boot && state.generation === generation
    const free = isNewest && state.mode === 'accepting' ? state.free : 0
    const word = { boot, generation, free }
    words.set(slave, word)
    return word
  }

  function forget(slave: Slave): void {
    words.delete(slave)
    since.delete(slave)
  }
}

/** Whether nothing is in the way of an offer to it, but its slots. */
function isOpen(slave: Slave): boolean {
  if (slave.drained || isElsewhere(slave) || slave.trouble || slave.standing !== 'alive')
    return false
  const { reach } = slave
  return isReachable(slave) && (reach.by !== 'poll' || reach.handed.size === 0)
}
