// Who may have a task, by the cards of slaves: the book kept by somebody who knows what each process of a
// slave can do. No slave is offered what its card lacks, or what it said it is unable to do; a refusal
// tells the truth about who can; and nothing waits while a slave that can run it has room.

import { isElsewhere } from '../../../master/core/registry.ts'
import type { Slave, Task } from '../../../master/core/state.ts'
import type { OutgoingOffer } from '../../../master/dispatch/channel.ts'
import type { Problem } from '../../../shared/protocol/problems.ts'
import type { SimulatedClock } from './clock.ts'
import type { Directory, SlaveProcess } from './directory.ts'
import { check } from './ledger.ts'
import type { Plan } from './plan.ts'
import type { Skills } from './terms.ts'
import { askOf, isAbsent, lacks, PLAIN } from './terms.ts'

/** A task waits for no longer, in looks of one beat each, while a slave that can run it has room. */
const STARVED_LOOKS = 6

/**
 * So often the master may forget that a slave is unable: late words of the process before it make the slave
 * that one, and its next words make it another again.
 */
const AGAIN_MAX = 2

type Ask = Pick<Task, 'kind' | 'terms'>

export type Needing = ReturnType<typeof watchNeeds>

export function watchNeeds(given: {
  plan: Plan
  clock: SimulatedClock
  directory: Directory
  slaves: (SlaveProcess | undefined)[]
  /** Since when the slave has had room without a break, as far as the master can know. */
  roomSince: (slave: Slave) => number | undefined
}) {
  const { plan, clock, directory, slaves } = given
  const asks = plan.tasks.map(askOf)
  const keys = asks.map(keyOf)
  /** What the process of a slave can do, by its boot. Simple slaves have none. */
  const cards = new Map<string, Skills>([['simple', PLAIN]])
  /** What boots are unable to do, by boot and ability: as they know, and since when this master surely does. */
  let said = new Set<string>()
  let unable = new Map<string, number>()
  /** How often it was offered such a task all the same. */
  let again = new Map<string, number>()
  /** Boot and ability of each attempt. */
  const attempts = new Map<string, string>()
  /** When this master was first seen to know a boot. */
  let known = new Map<string, number>()
  let starved = new Map<string, number>()

  return {
    starts: (boot: string, skills: Skills): void => void cards.set(boot, skills),
    /** It knows nothing of what slaves said to the one before. */
    masterStarts(): void {
      said = new Set()
      unable = new Map()
      again = new Map()
      attempts.clear()
      known = new Map()
      starved = new Map()
    },

    /** The master offers a task to a slave, or hands it over. */
    offered({ attempt, boot, input }: OutgoingOffer, slave: string): void {
      const { number } = JSON.parse(input) as { number: number }
      const name = `${boot} ${keys[number]}`
      attempts.set(attempt, name)
      const skills = cards.get(boot)
      check(skills !== undefined, `${slave} is offered ${attempt} as ${boot}, which never was`)
      const lack = lacks(skills, asks[number] as Ask, slave)
      check(lack === '', `${slave} is offered task ${number}, and its card lacks ${lack}`)
      if ((unable.get(name) ?? clock.now()) >= clock.now()) return
      const times = (again.get(name) ?? 0) + 1
      again.set(name, times)
      check(times <= AGAIN_MAX, `${slave} is offered task ${number} again, and is unable`)
    },

    /** The run of an attempt could not start its program: the master may hear of it from now on. */
    saysUnable(attempt: string): void {
      const name = attempts.get(attempt)
      if (name !== undefined) said.add(name)
    },

    /** The master has heard that a slave is unable, or could not start a program. */
    isUnable(attempt: string): void {
      const name = attempts.get(attempt)
      if (name === undefined) return
      said.add(name)
      if (!unable.has(name)) unable.set(name, clock.now())
    },

    canTake,

    /** Every beat: what the master knows. */
    look(): void {
      for (const { boot, standing } of registered()) {
        if (standing === 'alive' && !known.has(boot)) known.set(boot, clock.now())
      }
    },

    /** A task waits in the queue, as the master is seen every beat. */
    waits(task: Task): void {
      const free = registered().find((slave) => {
        const since = given.roomSince(slave)
        return since !== undefined && since < clock.now() && canTake(slave, task)
      })
      const looks = free ? (starved.get(task.id) ?? 0) + 1 : 0
      starved.set(task.id, looks)
      check(looks < STARVED_LOOKS, `task ${task.id} waits, while ${free?.name} has room for it`)
    },

    /** A task is refused: the type says whether a slave could ever have it. */
    refused(task: Task, { type }: Problem): void {
      const all = registered()
      const alive = all.filter(isAlive)
      const able = (before: boolean): boolean => alive.some((slave) => canTake(slave, task, before))
      const mayBe = all.some((slave) => !isAlive(slave) && mayHave(slave, task))
      // One that reports elsewhere may have just started.
      const absent = all.filter(({ standing, reports }) => standing !== 'alive' || isNew(reports))
      const mayReturn = absent.some((slave) => mayHave(slave, task))
      switch (type) {
        case 'no-slaves':
          return check(alive.length === 0, `no-slaves is said, while ${alive[0]?.name} is alive`)
        case 'no-capable-slave': {
          check(!able(false) && !mayReturn, 'no-capable-slave is said, while a slave may be able')
          const isAsked = task.trail.some(({ ms }) => ms !== undefined)
          const isLate = task.waitUntil === null && !isAsked && task.since < clock.now()
          return check(!isLate, `${task.id} is refused late: no slave could ever have it`)
        }
        case 'at-capacity':
          return check(able(true) || mayBe, 'at-capacity is said, while no slave is able')
        default: // Of the master alone.
      }
    },

    /** A task has failed because its program could not be started: no slave was left that could. */
    missed(id: string, number: number, beganAt: number): void {
      const able = registered().find((slave) => {
        const since = known.get(slave.boot) ?? Number.POSITIVE_INFINITY
        const process = slaves.find((each) => each?.boot === slave.boot)
        if (!isAlive(slave) || !process?.life.alive || since >= beganAt) return false
        const ask = asks[number] as Ask
        return canTake(slave, ask) && !isAbsent(cards.get(slave.boot) ?? PLAIN, ask.terms)
      })
      check(!able, `task ${id} has failed as program-missing, while ${able?.name} has the program`)
    },
  }

  function registered(): Slave[] {
    return directory.master?.dispatcher.view.registry.all() ?? []
  }

  /** Whether its card says that it can, and it did not say otherwise (`before`: as the master surely knows). */
  function canTake(
    { boot, name: slave }: Pick<Slave, 'boot' | 'name'>,
    ask: Ask,
    before = false,
  ): boolean {
    const skills = cards.get(boot)
    if (skills === undefined || lacks(skills, ask, slave) !== '') return false
    if (said.size === 0) return true
    const name = `${boot} ${keyOf(ask)}`
    return before ? (unable.get(name) ?? clock.now()) >= clock.now() : !said.has(name)
  }

  function mayHave({ boot, name }: Slave, ask: Ask): boolean {
    return boot === '' || lacks(cards.get(boot) ?? PLAIN, ask, name) === ''
  }
}

/** Whether it has registered with no master: with this one, as like as not. */
const isNew = (reports: Slave['reports']): boolean => typeof reports === 'object' && reports.isNew

const isAlive = (slave: Slave): boolean => slave.standing === 'alive' && !isElsewhere(slave)

const keyOf = ({ kind, terms }: Ask): string =>
  terms === null ? kind : `${kind} ${JSON.stringify(terms.needs)}`
