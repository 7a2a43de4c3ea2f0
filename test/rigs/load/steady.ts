// Steady load: does anything drift? Arrivals at 60 % of capacity, where with 64 slots Erlang's formula
// refuses 4 of 100,000; the first third of the time is held against the last.

import type { Summary } from '../bench/summary.ts'
import { summarize } from '../bench/summary.ts'
import { erlangB } from '../experiments/closed-forms.ts'
import type { Sample } from './client.ts'
import type { Figure } from './figures.ts'
import { enoughLeft, ms, must, percent, plain } from './figures.ts'
import { SLOTS } from './fleet.ts'
import type { Memory } from './memory.ts'
import type { Stalls } from './stalls.ts'

export const STEADY_LOAD = 0.6

/** This share of the time warms up, and is left out. */
const WARM = 0.1

/**
 * The stored tasks are five times as many in the middle of the last third as in the middle of the
 * first: what costs time in proportion to them becomes 5 times as slow, what goes with their root
 * 2.2 times. A tree that is a level deeper, and noise, stay below 1.5. A p99 is much noisier.
 */
const P50_RATIO_MAX = 1.5
const P99_RATIO_MAX = 3
/** So little is noise of timers and scheduling, whatever the ratio. */
const P50_NOISE_MS = 0.5
const P99_NOISE_MS = 10
/** The p99 of fewer is the luck of ten of them. */
const P99_COUNT_MIN = 1000

/**
 * What may still grow is what has a bound of its own. Both: the young generation of V8 (16 MiB). The
 * master: SQLite's page cache (32 MiB). An agent: the answers that it remembers (65,536 of about
 * 250 bytes, 16 MiB). To keep the record of each task, 1 KiB and more, would take 60 MiB between the
 * middles of the thirds of ten minutes.
 */
const MASTER_GROWTH_MIB_MAX = 48
const AGENT_GROWTH_MIB_MAX = 32

/** What a hiccup of the machine may refuse, above the formula: a fifth of a second fills the slots. */
const REFUSED_SHARE_MAX = 0.001
const REFUSED_MAX = 10

export function judgeSteady(samples: Sample[], memory: Memory, stalls: Stalls): Figure[] {
  const from = samples[0]?.from ?? 0
  const to = samples.at(-1)?.from ?? 0
  const begin = from + WARM * (to - from)
  const third = (to - begin) / 3
  const left = stalls.undisturbed(samples)
  const between = (a: number, b: number): Sample[] =>
    left.filter((sample) => sample.from >= a && sample.from < b && sample.endedAt !== null)
  const first = between(begin, begin + third)
  const last = between(to - third, to)
  const refused = left.filter(({ status }) => status === 503).length
  const refusedMax = REFUSED_SHARE_MAX * left.length + REFUSED_MAX
  const refusedIs = `${refused} of ${samples.length}; Erlang: ${percent(erlangB(SLOTS, STEADY_LOAD * SLOTS))}`
  return [
    must('refused', refusedIs, `<= ${Math.floor(refusedMax)}`, refused <= refusedMax),
    ...drift('POST to 202', first.map(untilAccepted), last.map(untilAccepted)),
    ...drift('result, beyond its sleep', first.map(untilResult), last.map(untilResult)),
    ...growth(memory.between(begin, begin + third), memory.between(to - third, to)),
    ...enoughLeft(left.length, samples.length, stalls.count),
  ]
}

const untilAccepted = ({ from, to }: Sample): number => to - from
const untilResult = ({ from, endedAt, sleepMs }: Sample): number =>
  (endedAt as number) - from - sleepMs

function drift(name: string, first: number[], last: number[]): Figure[] {
  const before = summarize(first)
  const after = summarize(last)
  const line = (of: 'p50' | 'p99', ratioMax: number, noiseMs: number): Figure => {
    const ratio = after[of] / before[of]
    const holds = after[of] <= Math.max(ratioMax * before[of], before[of] + noiseMs)
    const is = `${pair(before, after, of)}, x ${ratio.toFixed(2)}`
    if (of === 'p99' && before.count < P99_COUNT_MIN) return plain(`${name}, ${of}`, is)
    return must(`${name}, ${of}`, is, `x ${ratioMax}, or ${noiseMs} ms more`, holds)
  }
  return [line('p50', P50_RATIO_MAX, P50_NOISE_MS), line('p99', P99_RATIO_MAX, P99_NOISE_MS)]
}

const pair = (before: Summary, after: Summary, of: 'p50' | 'p99'): string =>
  `${ms(before[of])} then ${ms(after[of])}`

function growth(before: Map<string, number>, after: Map<string, number>): Figure[] {
  return [...before].map(([name, mib]) => {
    const now = after.get(name) ?? Number.NaN
    const most = name === 'master' ? MASTER_GROWTH_MIB_MAX : AGENT_GROWTH_MIB_MAX
    const is = `${mib.toFixed(1)} then ${now.toFixed(1)} MiB`
    if (Number.isNaN(mib)) return plain(`memory of ${name}`, 'not known on this system')
    return must(`memory of ${name}`, is, `${most} MiB more`, now - mib <= most)
  })
}
