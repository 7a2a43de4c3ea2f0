// The figures of a bench as tables for a person: medians of the runs, with the spread, and ratios
// to the floors of the same bench.

import type { Run, Scenario } from './scenarios.ts'
import type { Spread } from './summary.ts'
import { spreadOf } from './summary.ts'
import type { TargetName } from './targets.ts'

/** The runs of one scenario on one target. */
export type Figures = {
  tasksPerSecond: Spread
  toAcceptedMs: { p50: Spread; p99: Spread }
  toResultMs: { p50: Spread; p99: Spread }
  /** Microseconds a task, of each process. */
  cpuPerTask: Record<string, Spread>
  accepted: number
  done: number
  refused: number
  errors: Record<string, number>
}

export type ScenarioFigures = Partial<Record<TargetName, Figures>>

export function figuresOf(runs: Run[]): Figures {
  const errors: Record<string, number> = {}
  for (const run of runs) {
    for (const [words, n] of Object.entries(run.errors)) errors[words] = (errors[words] ?? 0) + n
  }
  const spread = (of: (run: Run) => number) => spreadOf(runs.map(of))
  const sum = (of: (run: Run) => number) => runs.reduce((total, run) => total + of(run), 0)
  const processes = Object.keys(runs[0]?.cpuPerTask ?? {})
  return {
    tasksPerSecond: spread((run) => run.tasksPerSecond),
    toAcceptedMs: {
      p50: spread((run) => run.toAccepted.p50),
      p99: spread((run) => run.toAccepted.p99),
    },
    toResultMs: { p50: spread((run) => run.toResult.p50), p99: spread((run) => run.toResult.p99) },
    cpuPerTask: Object.fromEntries(
      processes.map((name) => [name, spread((run) => run.cpuPerTask[name] ?? 0)]),
    ),
    accepted: sum((run) => run.accepted),
    done: sum((run) => run.done),
    refused: sum((run) => run.refused),
    errors,
  }
}

const ROLES = ['master', 'slave', 'executors', 'load']
const HEADINGS = ['', 'tasks/s', '', 'POST to 202, ms', 'to result, ms']
const UNDER = ['', 'median', 'least-most', 'p50 / p99', 'p50 / p99']

/** The table of one scenario. */
export function table(
  scenario: Scenario,
  figures: ScenarioFigures,
  words: Record<TargetName, string>,
): string {
  const rows = [
    [...HEADINGS, 'CPU us a task', '', '', ''],
    [...UNDER, 'master', 'agent', 'executors', 'load'],
  ]
  for (const [name, one] of entries(figures)) rows.push(row(words[name], one))
  const lines = aligned(rows)
  return [scenario.words, ...lines, ...ratios(figures), ...troubles(figures), ''].join('\n')
}

const entries = (figures: ScenarioFigures) => Object.entries(figures) as [TargetName, Figures][]

function row(name: string, figures: Figures): string[] {
  const { tasksPerSecond: rate, toAcceptedMs, toResultMs, cpuPerTask } = figures
  return [
    name,
    whole(rate.median),
    `${whole(rate.least)}-${whole(rate.most)}`,
    pair(toAcceptedMs),
    pair(toResultMs),
    ...ROLES.map((role) => (cpuPerTask[role] ? cpuPerTask[role].median.toFixed(1) : '-')),
  ]
}

const whole = (n: number): string => Math.round(n).toLocaleString('en')
const pair = ({ p50, p99 }: { p50: Spread; p99: Spread }): string =>
  Number.isNaN(p50.median) ? '-' : `${p50.median.toFixed(2)} / ${p99.median.toFixed(2)}`

function aligned(rows: string[][]): string[] {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((cells) => cells[i]?.length ?? 0)))
  return rows.map((cells) => {
    const padded = cells.map((cell, i) =>
      i === 0 ? cell.padEnd(widths?.[i] ?? 0) : cell.padStart(widths?.[i] ?? 0),
    )
    return `  ${padded.join('  ')}`.trimEnd()
  })
}

/** Ours as a multiple of each floor. */
export function ratiosOf(figures: ScenarioFigures): Record<string, Record<string, number>> {
  const { askfirst, ...floors } = figures
  if (!askfirst) return {}
  const all: Record<string, Record<string, number>> = {}
  for (const [name, floor] of entries(floors)) {
    const of = (get: (one: Figures) => number | undefined): number =>
      (get(askfirst) ?? Number.NaN) / (get(floor) ?? Number.NaN)
    all[name] = {
      tasksPerSecond: of((one) => one.tasksPerSecond.median),
      toAcceptedP50: of((one) => one.toAcceptedMs.p50.median),
      toAcceptedP99: of((one) => one.toAcceptedMs.p99.median),
      toResultP50: of((one) => one.toResultMs.p50.median),
      toResultP99: of((one) => one.toResultMs.p99.median),
      masterCpu: of((one) => one.cpuPerTask.master?.median),
      allCpu: of(cpuOfAll),
    }
  }
  return all
}

/** All processes but the load. */
const cpuOfAll = ({ cpuPerTask }: Figures): number =>
  ROLES.slice(0, 3).reduce((sum, role) => sum + (cpuPerTask[role]?.median ?? 0), 0)

const RATIO_WORDS: Record<string, string> = {
  tasksPerSecond: 'tasks/s',
  toAcceptedP50: 'to 202 p50',
  toAcceptedP99: 'p99',
  toResultP50: 'to result p50',
  toResultP99: 'p99',
  masterCpu: 'CPU of the master',
  allCpu: 'of all',
}

function ratios(figures: ScenarioFigures): string[] {
  return Object.entries(ratiosOf(figures)).map(([floor, of]) => {
    const known = Object.entries(of).filter(([, ratio]) => Number.isFinite(ratio))
    const words = known.map(
      ([name, ratio]) =>
        `${RATIO_WORDS[name]} x ${ratio < 0.1 ? ratio.toPrecision(2) : ratio.toFixed(2)}`,
    )
    return `  askfirst / ${floor}: ${words.join(', ')}`
  })
}

function troubles(figures: ScenarioFigures): string[] {
  return entries(figures).flatMap(([name, { refused, errors, accepted, done }]) => [
    ...(refused > 0 ? [`  ${name}: ${whole(refused)} refused, at capacity`] : []),
    ...(name === 'askfirst' ? [`  accepted ${whole(accepted)}, done ${whole(done)}`] : []),
    ...Object.entries(errors).map(([words, n]) => `  ERROR ${name}: ${n} x ${words}`),
  ])
}
