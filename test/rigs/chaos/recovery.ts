// How long tasks waited after their slave was killed: from the kill to the next `taken` or end in
// the task's own trail. Reads trails and the list of kills, nothing else.

import type { Row } from './checker.ts'
import type { Kill } from './fleet.ts'

const LOST = ['slave-lost', 'outcome-lost']
const ENDS = ['done', 'failed', 'cancelled', 'expired']

type Entry = { at: number; event: string; slave?: string }

/** `alone`: no restart of the master fell into the time. */
export type Recovery = { ms: number; id: string; alone: boolean }

/** Of every task that a killed slave held, shortest first. */
export function recoveryTimes(rows: Iterable<Row>, kills: Kill[]): Recovery[] {
  const bySlave = new Map<string, number[]>()
  for (const { name, at } of kills) bySlave.set(name, [...(bySlave.get(name) ?? []), at])
  const found: Recovery[] = []
  for (const { id, trail } of rows) {
    const entries = JSON.parse(trail) as Entry[]
    const steps = entries.filter(({ event }) => isStep(event))
    steps.forEach(({ at, event, slave }, i) => {
      if (event !== 'taken') return
      const left = steps[i + 1]?.at ?? Number.POSITIVE_INFINITY
      const killed = (bySlave.get(slave ?? '') ?? []).find((kill) => kill > at && kill < left)
      const next = steps.slice(i + 1).find((step) => !LOST.includes(step.event))
      if (killed === undefined || !next) return
      const restarts = entries.filter(({ event }) => event === 'master started')
      const alone = !restarts.some((restart) => restart.at > killed && restart.at < next.at)
      found.push({ ms: next.at - killed, id, alone })
    })
  }
  return found.sort((a, b) => a.ms - b.ms)
}

const isStep = (event: string): boolean =>
  event === 'taken' || LOST.includes(event) || ENDS.includes(event)

/** The value that this share of the sorted values does not exceed. */
export const quantile = (sorted: { ms: number }[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]?.ms ?? Number.NaN
