// What needs of tasks add to the cost of a decision: with 10,000 slaves and 200 tags against tasks without
// needs, alternating; and what a heartbeat costs while tasks with very many different needs wait.

import { createRandom } from '../../../shared/data/random.ts'
import type { Fleet, Offer } from './core-fleet.ts'
import { createFleet } from './core-fleet.ts'

const SLAVES = 10_000
const TAGS = 200
/** Tags of a slave. */
const TAGS_EACH = 20
const TASKS = 10_000
const ROUNDS = 5
const BUSY = 0.9
const QUEUES = 4_000
const BEATS = 20_000

/**
 * Of a task with a need to one without: the core is a tenth of the master's time for a task, so that half more
 * of it adds a twentieth to the whole. And of a heartbeat beside many queues to one beside a single one.
 */
const NEED_MAX = 1.5
const QUEUES_MAX = 3

/** Prints a line for each. Gives whether both are within their bounds. */
export function scaleOfNeeds(): boolean {
  const need = ratioOfNeed()
  const beside = ratioOfQueues()
  return need <= NEED_MAX && beside <= QUEUES_MAX
}

const tagsOf = (i: number): string[] =>
  Array.from({ length: TAGS_EACH }, (_, n) => `tag-${(i * 7 + n * 10) % TAGS}`)

function ratioOfNeed(): number {
  const fleet = createFleet(SLAVES, tagsOf)
  const random = createRandom(7)
  const running: Offer[] = []
  while (running.length < SLAVES * BUSY) running.push(fleet.submit())
  const tasks = (tag: () => string | undefined): number =>
    usOf(TASKS, () => {
      const at = random.integer(running.length)
      fleet.end(running[at] as Offer)
      running[at] = fleet.submit(tag())
    })
  const without = () => tasks(() => undefined)
  const withNeed = () => tasks(() => `tag-${random.integer(TAGS)}`)
  // Once for the compiler.
  without()
  withNeed()
  const rounds = Array.from({ length: ROUNDS }, () => ({ plain: without(), needy: withNeed() }))
  const plain = median(rounds.map((round) => round.plain))
  const needy = median(rounds.map((round) => round.needy))
  const ratio = median(rounds.map((round) => round.needy / round.plain))
  process.stdout.write(
    `${SLAVES} slaves, ${TAGS} tags: ${plain.toFixed(1)} us of the core per task, ` +
      `${needy.toFixed(1)} us with a need (x ${ratio.toFixed(2)}; at most ${NEED_MAX})\n`,
  )
  return ratio
}

function ratioOfQueues(): number {
  const [few, many] = [1, QUEUES].map((queues) => usPerBeat(queues)) as [number, number]
  process.stdout.write(
    `a heartbeat while tasks with ${QUEUES} different needs wait: ${many.toFixed(2)} us, ` +
      `with one: ${few.toFixed(2)} us (x ${(many / few).toFixed(2)}; at most ${QUEUES_MAX})\n`,
  )
  return many / few
}

function usPerBeat(queues: number): number {
  const fleet: Fleet = createFleet(1)
  fleet.submit()
  for (let i = 0; i < queues; i++) fleet.queued(`other-${i}`)
  const beat = () => fleet.beat('slave-1')
  usOf(BEATS / 4, beat)
  return usOf(BEATS, beat)
}

/** Processor time of one, in microseconds. */
function usOf(times: number, act: () => void): number {
  const startedAt = process.cpuUsage()
  for (let i = 0; i < times; i++) act()
  const { user, system } = process.cpuUsage(startedAt)
  return (user + system) / times
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] as number
