// Cuts a range into stretches of about equal weight: n above which whole numbers leave the doubles
// cost some forty times as much as those below, and fractions more.

import type { Range } from './add-up.ts'
import { BLOCK, magnitudeOf } from './blocks.ts'
import { isWhole } from './exact.ts'
import type { Tree } from './parse.ts'

/** What one n costs, in nanoseconds, about: only the ratios matter. */
const IN_DOUBLES = 5
const IN_BIGINT = 90
const IN_FRACTIONS = 1_500
/** A range is weighed in this many slices. */
const SLICES = 1_024
/** A part should take about this long, by these weights. In nanoseconds. */
const PART = 100e6
/** More parts than this for each slot are of no use. */
const PARTS_A_SLOT = 8

type Weighed = Range & { weight: number }

/** `parts`: as many as are asked for, unless the range has fewer n; null: chosen by weight. */
export function cut(
  tree: Tree,
  range: Range,
  numbers: 'exact' | 'number',
  { parts, slots }: { parts: number | null; slots: number },
): Range[] {
  const slices = weigh(tree, range, numbers)
  const total = slices.reduce((sum, { weight }) => sum + weight, 0)
  const useful = Math.min(slots * PARTS_A_SLOT, Math.max(total > PART ? slots : 1, total / PART))
  const step = numbers === 'number' ? BigInt(BLOCK) : 1n
  const cuts: Range[] = []
  let from = range.from
  const count = parts ?? Math.ceil(useful)
  for (let i = 1; i <= count && from <= range.to; i++) {
    const end = i === count ? range.to : aligned(reach(slices, (total * i) / count), range, step)
    const to = end < from ? from + step - 1n : end
    cuts.push({ from, to: to > range.to ? range.to : to })
    from = to + 1n
  }
  return cuts
}

function weigh(tree: Tree, { from, to }: Range, numbers: 'exact' | 'number'): Weighed[] {
  const length = (to - from) / BigInt(SLICES) + 1n
  const slices: Weighed[] = []
  for (let first = from; first <= to; first += length) {
    const last = first + length - 1n < to ? first + length - 1n : to
    const largest = Math.max(Math.abs(Number(first)), Math.abs(Number(last)))
    const each = costOf(tree, largest, numbers)
    slices.push({ from: first, to: last, weight: Number(last - first + 1n) * each })
  }
  return slices
}

function costOf(tree: Tree, largest: number, numbers: 'exact' | 'number'): number {
  if (numbers === 'number') return IN_DOUBLES * 4
  if (!isWhole(tree)) return IN_FRACTIONS
  return Number.isFinite(magnitudeOf(tree, largest)) ? IN_DOUBLES : IN_BIGINT
}

/** The n up to which the range weighs this much. */
function reach(slices: Weighed[], weight: number): bigint {
  let left = weight
  for (const { from, to, weight: whole } of slices) {
    if (left <= whole) {
      const share = Math.floor((Number(to - from + 1n) * left) / whole)
      return from + BigInt(Math.max(1, share)) - 1n
    }
    left -= whole
  }
  return (slices.at(-1) as Weighed).to
}

/** Doubles are added in blocks counted from the start of the range, so cuts stand between blocks. */
function aligned(to: bigint, range: Range, step: bigint): bigint {
  return range.from + ((to - range.from) / step + 1n) * step - 1n
}
