// What mathjs spends before a function itself begins: it reads texts as numbers, complex numbers,
// fractions or units, and turns numbers into fractions, without being asked, in almost every
// function, and once for each element that the value is combined with.

import type { Meter } from './meter.ts'
import { broadcast, holds } from './shape.ts'
import { elementsOf, isMatrix, shapeOf, typeName, wordsOf } from './size.ts'

/** Steps to convert every argument as often as the call does. */
export function convertingCost(
  meter: Meter,
  args: readonly unknown[],
  makesFractions: boolean,
): number {
  const toFractions = makesFractions || args.some((arg) => holds(arg, 'Fraction'))
  const toBigNumbers = args.some((arg) => holds(arg, 'BigNumber'))
  let cost = 0
  for (const arg of args) {
    const once = convertingOnce(arg, toFractions)
    if (once > 0) cost += once * timesRead(meter, arg, args)
    if (typeof arg === 'bigint' || typeName(arg) === 'BigNumber')
      cost += longCost(arg, toBigNumbers) * (timesRead(meter, arg, args) - 1)
  }
  return cost
}

/**
 * A long number that meets each element of a matrix is read that often. As a BigNumber a bigint is
 * written in decimal and read again: 230 us for 4,096 digits.
 */
function longCost(value: unknown, toBigNumbers: boolean): number {
  if (typeof value !== 'bigint') return ((value as { d: number[] | null }).d?.length ?? 0) / 4
  const words = wordsOf(value)
  return words / 4 + (toBigNumbers ? words ** 2 / 60 : 0)
}

function convertingOnce(value: unknown, toFractions: boolean): number {
  if (typeof value === 'number') return toFractions ? fractionCost(value) : 0
  if (typeof value === 'string') return readingCost(value.length)
  if (isMatrix(value)) return convertingOnce(value._values ?? value._data, toFractions)
  if (Array.isArray(value)) {
    let sum = 0
    for (const one of value) sum += convertingOnce(one, toFractions)
    return sum
  }
  if (typeName(value) !== 'Object') return 0
  return convertingOnce(Object.values(value as object), toFractions)
}

/** How often each of its elements meets one of the other arguments. */
function timesRead(meter: Meter, arg: unknown, args: readonly unknown[]): number {
  const results = Math.max(broadcast(meter, args), ...args.map((one) => elementsOf(shapeOf(one))))
  return Math.max(1, results / Math.max(1, elementsOf(shapeOf(arg))))
}

/**
 * Up to n^2 for n characters: "777..." as a complex number (a regular expression), "0b0b..." as a
 * number (another), "0xfff..." as a BigNumber. Measured: about 2 ns for each pair of characters.
 */
function readingCost(characters: number): number {
  return characters / 2 + characters ** 2 / 200
}

const DENOMINATOR_MAX = 1e7

/**
 * fraction.js walks the Stern-Brocot tree to a denominator of up to 10^7: one step after the other,
 * as many as the partial quotients of the number's continued fraction add up to. 1e-8 takes 10^7
 * (50 ms), 0.1 takes ten. Here the quotients are added up, a few divisions for any number.
 */
function fractionCost(number: number): number {
  let rest = Math.abs(number)
  if (rest % 1 === 0 || !Number.isFinite(rest)) return 0
  if (rest >= 1) rest /= 10 ** Math.floor(1 + Math.log10(rest))
  let walked = 0
  let [before, denominator] = [0, 1]
  while (rest > Number.EPSILON / 16 && denominator <= DENOMINATOR_MAX) {
    const quotient = Math.floor(1 / rest)
    const steps = Math.min(quotient, Math.ceil((DENOMINATOR_MAX - before) / denominator) + 1)
    walked += steps
    ;[before, denominator] = [denominator, quotient * denominator + before]
    rest = 1 / rest - quotient
  }
  if (rest <= Number.EPSILON / 16 && denominator === 1) walked = DENOMINATOR_MAX
  return 10 + walked / 100
}
