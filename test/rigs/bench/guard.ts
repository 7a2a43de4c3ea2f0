// The guard against a slower askfirst: `npm run bench -- --guard`. Processor time per task depends on the
// machine and the day; its ratio to the durable prototype of the same run does so much less. The ratios of the
// last accepted run are in guard.json. `--accept` writes those of this run there.
//
//   figures of this run --> ratios --> compared with guard.json --> fails when one grew by more than GROWTH_MAX

import { readFileSync, writeFileSync } from 'node:fs'

/** A ratio may grow by this share: between runs of the same code it moves by a tenth. */
export const GROWTH_MAX = 0.3

const FILE = new URL('./guard.json', import.meta.url)

/** Processor time per task as a multiple of the prototype's: of the master, and of slave and executors. */
export type Ratios = Record<string, { master: number; slave: number }>

/** Of a target: microseconds per task, by process. */
type Cpu = { cpuPerTask: Record<string, { median: number }> }
/** By scenario. */
type Measured = Record<string, { askfirst?: Cpu; prototype?: Cpu }>

/** Of each scenario that both ran. */
export function ratiosToPrototype(all: Measured): Ratios {
  const ratios: Ratios = {}
  for (const [scenario, { askfirst, prototype }] of Object.entries(all)) {
    if (!askfirst || !prototype) continue
    const us = (of: Cpu, ...names: string[]): number =>
      names.reduce((sum, name) => sum + (of.cpuPerTask[name]?.median ?? 0), 0)
    ratios[scenario] = {
      master: rounded(us(askfirst, 'master') / us(prototype, 'master')),
      slave: rounded(us(askfirst, 'slave', 'executors') / us(prototype, 'slave', 'executors')),
    }
  }
  return ratios
}

const rounded = (ratio: number): number => Math.round(ratio * 100) / 100

/** What grew by too much, in words; nothing when the run is as good as the accepted one. */
export function regressions(now: Ratios, accepted: Ratios): string[] {
  return Object.entries(accepted).flatMap(([scenario, before]) => {
    const is = now[scenario]
    if (!is) return [`${scenario}: was not measured`]
    return (['master', 'slave'] as const).flatMap((part) => {
      const isGood = is[part] <= before[part] * (1 + GROWTH_MAX)
      return isGood
        ? []
        : [`${scenario}: the ${part} takes ${is[part]} x the prototype; accepted ${before[part]}`]
    })
  })
}

/** Compares a run with guard.json and says what it found. Returns whether it holds. */
export function guard(all: Measured, accept: boolean): boolean {
  const now = ratiosToPrototype(all)
  if (accept) writeFileSync(FILE, `${JSON.stringify(now, null, 2)}\n`)
  const accepted = JSON.parse(readFileSync(FILE, 'utf8')) as Ratios
  const found = regressions(now, accepted)
  const of = (ratios: Ratios): string =>
    Object.entries(ratios)
      .map(([name, { master, slave }]) => `${name} ${master}, ${slave}`)
      .join('; ')
  process.stdout.write(`CPU per task, x prototype (master, slave): ${of(now)}\n`)
  process.stdout.write(`accepted: ${of(accepted)}; each may grow by ${GROWTH_MAX * 100} %\n`)
  for (const line of found) process.stdout.write(`SLOWER ${line}\n`)
  return found.length === 0
}
