// What a call will cost, in steps, judged from its arguments before it runs and before anything is
// allocated. The formulae follow mathjs 15.2's algorithms; the factors were measured and are meant
// to be too high rather than too low. `size` is what the arguments measure (size.ts).

import { exactCosts } from './cost-exact.ts'
import { LIMITS } from './limits.ts'
import type { Cost, Meter } from './meter.ts'
import type { CostClass } from './names.ts'
import { isUnsafeName } from './names.ts'
import { broadcast, holds, shapeCost } from './shape.ts'
import { eachNumber, elementsOf, isMatrix, lengthOf, shapeOf, typeName } from './size.ts'

const numbersIn = (values: readonly unknown[]) => {
  const numbers: number[] = []
  for (const value of values) eachNumber(value, (number) => numbers.push(number))
  return numbers
}
const largest = (values: readonly unknown[]) =>
  numbersIn(values).reduce((most, number) => Math.max(most, Math.abs(number)), 0)
/** Matrices and numbers of a call, without its format or data type. */
const dimensions = (args: readonly unknown[]) =>
  numbersIn(args.filter((arg) => typeof arg !== 'string'))

/** Calls that make a matrix of a size that their arguments give. */
function makers(meter: Meter) {
  return {
    make: (args) => shapeCost(meter, dimensions(args)),
    identity(args) {
      const shape = dimensions(args)
      return shapeCost(meter, shape.length === 1 ? [shape[0]!, shape[0]!] : shape)
    },
    diag(args) {
      const shape = shapeOf(args[0])
      const side = (shape[0] ?? 0) + largest(args.slice(1))
      return shape.length === 1 ? shapeCost(meter, [side, side]) : shapeCost(meter, [side])
    },
    resize: (args) => shapeCost(meter, dimensions(args.slice(1, 2))) / (resizes(args[0]) ? 1 : 8),
    range: (args) => rangeCost(meter, args),
    index: (args) => indexCost(meter, args),
    concat: (args, size) =>
      size +
      broadcast(
        meter,
        args.filter((arg) => typeof arg !== 'number'),
      ),
    fromFunction: (args) => 20 * shapeCost(meter, numbersIn(args.filter((a) => isMatrix(a)))),
    slices: (_, size) => 5 * size,
    kron: (args) => shapeCost(meter, [elementsOf(shapeOf(args[0])), elementsOf(shapeOf(args[1]))]),
    powerset(args, size) {
      const members = elementsOf(shapeOf(args[0]))
      return shapeCost(meter, [2 ** members, Math.max(1, members)]) * 4 + size
    },
  } satisfies Partial<Record<CostClass, Cost>>
}
const resizes = (value: unknown) => typeof value !== 'string'

/** The elements of start:end or start:step:end; a step too small to get on is refused too. */
function rangeCost(meter: Meter, args: readonly unknown[]): number {
  // The last may say whether the end is included. A boolean or a text before it is a number.
  const bounds = typeof args.at(-1) === 'boolean' && args.length !== 2 ? args.slice(0, -1) : args
  const isText = typeof args[0] === 'string' && (bounds.length < 2 || typeof args[1] === 'boolean')
  const given = isText ? String(args[0]).split(':') : bounds
  const numbers = given.map((one) => Number(typeName(one) === 'Unit' ? unitNumber(one) : one))
  const [start, end, step] =
    isText && numbers.length === 3
      ? [numbers[0]!, numbers[2]!, numbers[1]!]
      : [numbers[0]!, numbers[1]!, numbers[2] ?? 1]
  const count = (end - start) / step
  // From or to infinity by what is no number: mathjs never arrives.
  const isEndless = Number.isNaN(count) && numbers.some((one) => Math.abs(one) === Infinity)
  if (!(count >= 0) && !isEndless) return 1
  const widest = Math.max(Math.abs(start), Math.abs(end))
  // The end may be included: from 1e308 to 1e308 mathjs never gets past it either.
  const stuck = step !== 0 && Math.abs(step) < widest * smallestStep(bounds)
  if (stuck || isEndless || count > LIMITS.elementsMax) {
    meter.fail(`a matrix has more than ${LIMITS.elementsMax} elements`)
  }
  return 6 * (count + 1)
}

/** Relative to where a range is: a smaller step may be lost in rounding. */
function smallestStep(args: readonly unknown[]): number {
  const types = args.map(typeName)
  if (types.includes('BigNumber')) return 10 ** -60
  return types.every((type) => type === 'Fraction' || type === 'bigint') ? 0 : 2 ** -50
}
const unitNumber = (unit: unknown) => (unit as { value: unknown }).value

/** What the index will select, and how far it reaches (a text is padded up to it). */
function indexCost(meter: Meter, args: readonly unknown[]): number {
  const elements = shapeCost(meter, args.map(lengthOf))
  let reach = 0
  for (const arg of args) if (typeof arg !== 'string') reach = Math.max(reach, largest([arg]))
  if (reach > LIMITS.elementsMax) meter.fail(`an index is above ${LIMITS.elementsMax}`)
  return elements + (reach > 10_000 ? reach : reach / 64)
}

/** Calls whose work grows faster than their operands. */
function growers(meter: Meter) {
  return {
    plain: (args, size) => (args.length > 1 ? 6 * broadcast(meter, args) : 0) + 2 * size,
    order: (_, size) => size * 2 * Math.log2(2 + size),
    quantiles: quantilesCost,
    rounding: (args, size) => roundingCost(meter, args, size),
    product: (args, size) => size + productCost(args, size),
    linear: (args, size) => matrixCost(args, size, 4),
    iterative: (args, size) => matrixCost(args, size, 4_000),
    fourier(args) {
      const elements = elementsOf(shapeOf(args[0]))
      const even = Math.log2(elements) % 1 === 0
      return elements * Math.log2(2 + elements) * (even ? 20 : 200)
    },
    filters: (args, size) => (size + largest(args.slice(2))) * size * 20,
    sets: setsCost,
    heavy: (args, size) => broadcast(meter, args) + size * heaviness(args),
    inverse: (args, size) => broadcast(meter, args) + 3 * size + inverseCost(args),
    hyperbolic: (args, size) =>
      size * heaviness(args) +
      (args.some((arg) => holds(arg, 'BigNumber')) ? 60 * largest(args) : 0),
    zeta: (args) => (args.some((arg) => holds(arg, 'BigNumber')) ? 100_000 : 10_000),
    format: (args, size) => formatCost(meter, args, size),
    print: (args, size) => printCost(meter, args[0], size),
  } satisfies Partial<Record<CostClass, Cost>>
}
/** For each probability mathjs partitions the whole data again. */
function quantilesCost([data, probabilities]: readonly unknown[], size: number): number {
  const isCount = typeName(probabilities) !== 'DenseMatrix' && !Array.isArray(probabilities)
  const times = isCount ? Number(probabilities) || 1 : elementsOf(shapeOf(probabilities))
  const each = size / Math.max(1, elementsOf(shapeOf(data)))
  return size + Math.max(1, times) * elementsOf(shapeOf(data)) * 8 * Math.max(1, each)
}

function roundingCost(meter: Meter, args: readonly unknown[], size: number): number {
  const elements = Math.max(broadcast(meter, args), ...args.map((arg) => elementsOf(shapeOf(arg))))
  const isBig = args.some((arg) => holds(arg, 'BigNumber'))
  return 6 * elements + 2 * size + (isBig ? elements * (args.length > 1 ? 100 : 10) : 0)
}

/** mathjs compares every member of one set with every member of the other. */
function setsCost(args: readonly unknown[], size: number): number {
  const members = args.map((arg) => Math.max(1, elementsOf(shapeOf(arg))))
  const each = args.some((arg) => holds(arg, 'BigNumber')) ? 16 : 2
  return each * elementsOf(members) + size * 2 * Math.log2(2 + size)
}

/** Steps of one element of a transcendental function. */
function heaviness(args: readonly unknown[]): number {
  if (args.some((arg) => holds(arg, 'BigNumber'))) return 1_500
  return 3
}

/** The precision of an inverse function of a BigNumber grows with exponent and digits. */
function inverseCost(value: unknown): number {
  if (isMatrix(value)) return inverseCost(value._data ?? value._values)
  if (Array.isArray(value)) return value.reduce((sum, one) => sum + inverseCost(one), 0)
  if (typeName(value) !== 'BigNumber') return 0
  const { e, d } = value as { e: number; d: number[] | null }
  return 12_000 + 20 * Math.abs(e || 0) ** 3 + 100 * (d?.length ?? 0) ** 2
}

function productCost(args: readonly unknown[], size: number): number {
  const [left, right] = args.map(shapeOf)
  if (!left?.length || !right?.length) return 0
  const columns = right.length > 1 ? right.at(-1)! : 1
  const inner = Math.max(1, left.at(-1)!)
  const each = size / Math.max(1, elementsOf(left) + elementsOf(right))
  // The sum of n products has a denominator of up to n times as many digits.
  const isExact = args.some((arg) => holds(arg, 'Fraction'))
  const growth = isExact ? Math.max(Math.sqrt(inner), inner / 4) : 1
  return elementsOf(left) * columns * each * growth
}

/** About n^3 operations; Fractions grow with every one of them. */
function matrixCost(args: readonly unknown[], size: number, factor: number): number {
  const elements = Math.max(1, ...args.map((arg) => elementsOf(shapeOf(arg))))
  const each = Math.max(1, size / elements)
  if (args.every((arg) => shapeOf(arg).length < 2)) return 10 * size
  const exact = args.some((arg) => holds(arg, 'Fraction') || holds(arg, 'bigint'))
  return elements ** 1.5 * each * factor * (exact ? 4 * Math.sqrt(elements) : 1)
}

function formatCost(meter: Meter, args: readonly unknown[], size: number): number {
  for (const digits of numbersIn(args.slice(1))) {
    if (Math.abs(digits) > LIMITS.formatDigitsMax) {
      meter.fail(`a format has more than ${LIMITS.formatDigitsMax} digits`)
    }
  }
  return size * 20 + (holds(args[0], 'BigNumber') ? size * size : 0)
}

/** Each `$name.field` of the template prints one value; mathjs reads any field it names. */
function printCost(meter: Meter, template: unknown, size: number): number {
  if (typeof template !== 'string') return size
  const names = template.match(/\$[\w.]+/g) ?? []
  for (const name of names.flatMap((one) => one.slice(1).split('.'))) {
    if (isUnsafeName(name) || name.startsWith('_')) meter.fail(`print cannot show "${name}"`)
  }
  return (1 + names.length) * size
}

/** The cost of a call, by class. */
export function createCosts(meter: Meter): Record<Exclude<CostClass, 'lazy'>, Cost> {
  return { ...makers(meter), ...growers(meter), ...exactCosts(meter) }
}
