// Cuts a range into stretches of about equal weight: n above which whole numbers leave the doubles
// cost some forty times as much as those below, and fractions more. No part weighs more than fits
// into its run limit.

import { PARTS_MAX } from '../job-kind.ts'
import { TaskFailure } from '../kind.ts'
import type { Range } from './add-up.ts'
import { BLOCK } from './blocks.ts'
import type { Tree } from './parse.ts'
import { nanosecondsAt } from './weight.ts'

/** A range is weighed in this many slices. */
const SLICES = 1_024
/** A part should take about this long, by these weights. In nanoseconds. */
const PART = 100e6
/** More parts than this for each slot are of no use. */
const PARTS_A_SLOT = 8

/** What a part may weigh of its run limit: slaves are slower than the weights say, or busy. */
const LIMIT_SHARE = 1 / 3

type Weighed = Range & { weight: number }
type Asked = { parts: number | null; slots: number; runLimitMs: number }

/**
 * `parts`: as many as are asked for, unless the range has fewer n; null: chosen by weight. Throws
 * `rejected-input`, with the numbers, when parts would not fit their run limit.
 */
export function cut(
  tree: Tree,
  range: Range,
  numbers: 'exact' | 'number',
  { parts, slots, runLimitMs }: Asked,
): Range[] {
  const slices = weigh(tree, range, numbers)
  const total = slices.reduce((sum, { weight }) => sum + weight, 0)
  const fitting = Math.ceil(total / (runLimitMs * 1e6 * LIMIT_SHARE))
  const useful = Math.min(slots * PARTS_A_SLOT, Math.max(total > PART ? slots : 1, total / PART))
  const count = parts ?? Math.max(Math.ceil(useful), fitting)
  if (count < fitting || count > PARTS_MAX) throw tooLong(total, parts, fitting, runLimitMs)
  const step = numbers === 'number' ? BigInt(BLOCK) : 1n
  const reach = reaching(slices)
  const cuts: Range[] = []
  let from = range.from
  for (let i = 1; i <= count && from <= range.to; i++) {
    const end = i === count ? range.to : aligned(reach((total * i) / count), range, step)
    const to = end < from ? from + step - 1n : end
    cuts.push({ from, to: to > range.to ? range.to : to })
    from = to + 1n
  }
  return cuts
}

function tooLong(total: number, parts: number | null, fitting: number, runLimitMs: number) {
  const seconds = (ns: number) => `${Number((ns / 1e9).toPrecision(3)).toLocaleString('en-US')} s`
  const takes = `summing this range takes one slot about ${seconds(total)}`
  const limit = `and a part may run for ${seconds(runLimitMs * 1e6)} (runLimitMs)`
  const runLimitMin = Math.ceil(total / (PARTS_MAX * 1e6 * LIMIT_SHARE))
  const advice =
    fitting > PARTS_MAX
      ? `give a runLimitMs of at least ${runLimitMin}, or a shorter range`
      : `ask for at least ${fitting} parts, or leave the number to the master`
  const cut = `${Math.min(parts ?? PARTS_MAX, PARTS_MAX)} parts are too few`
  return new TaskFailure('rejected-input', `${takes}, ${limit}, so ${cut}: ${advice}`)
}

function weigh(tree: Tree, { from, to }: Range, numbers: 'exact' | 'number'): Weighed[] {
  const length = (to - from) / BigInt(SLICES) + 1n
  const slices: Weighed[] = []
  for (let first = from; first <= to; first += length) {
    const last = first + length - 1n < to ? first + length - 1n : to
    const largest = Math.max(Math.abs(Number(first)), Math.abs(Number(last)))
    const each = nanosecondsAt(tree, largest, numbers)
    slices.push({ from: first, to: last, weight: Number(last - first + 1n) * each })
  }
  return slices
}

/** The n up to which the range weighs so much; asked for with growing weights. */
function reaching(slices: Weighed[]): (weight: number) => bigint {
  let next = 0
  let before = 0
  return (weight) => {
    for (; next < slices.length; next++) {
      const { from, to, weight: whole } = slices[next] as Weighed
      const left = weight - before
      if (left <= whole) {
        const share = Math.floor((Number(to - from + 1n) * left) / whole)
        return from + BigInt(Math.max(1, share)) - 1n
      }
      before += whole
    }
    return (slices.at(-1) as Weighed).to
  }
}

/** Doubles are added in blocks counted from the start of the range, so cuts stand between blocks. */
function aligned(to: bigint, range: Range, step: bigint): bigint {
  return range.from + ((to - range.from) / step + 1n) * step - 1n
}
