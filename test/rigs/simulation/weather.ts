// What the network does to each request, by the plan's spells of bad weather and partitions.

import type { Random } from '../../../shared/data/random.ts'
import type { Fate, Weather } from './network.ts'
import { nameOf } from './network.ts'
import type { Fault, Plan } from './plan.ts'

type Partition = Fault & { is: 'partition' }
type Spell = Fault & { is: 'weather' }

export function createWeather(
  plan: Plan,
  random: Random,
  now: () => number,
  healed: () => boolean,
): Weather {
  const partitions = plan.faults.filter((fault) => fault.is === 'partition')
  const spells = plan.faults.filter((fault) => fault.is === 'weather')
  const isOn = ({ at, forMs }: { at: number; forMs: number }): boolean =>
    !healed() && at <= now() && now() < at + forMs

  function cut(from: string, to: string): boolean {
    return partitions.some((partition) => isOn(partition) && cuts(partition, from, to))
  }

  if (plan.faults.length === 0)
    return () => ({ there: random.exponential(2), back: random.exponential(2) })
  return (from, to): Fate => {
    const spell = spells.find(isOn) as Spell | undefined
    const a = nameOf(from)
    const b = nameOf(to)
    const lost = (): boolean => spell !== undefined && random.next() < spell.lost
    const delay = (): number => {
      const base = random.exponential(2)
      return spell && random.next() < spell.slow * 0.2 ? base + random.lognormal(300, 4) : base
    }
    const there = cut(a, b) || lost() ? Number.POSITIVE_INFINITY : delay()
    const back = cut(b, a) || lost() ? Number.POSITIVE_INFINITY : delay()
    const doubled = spell !== undefined && random.next() < spell.doubled
    return { there, back, ...(doubled ? { again: random.exponential(500) } : {}) }
  }
}

function cuts({ from, to }: Partition, a: string, b: string): boolean {
  if (from === 'both') return a === to || b === to
  return from === a && to === b
}
