// How much a value is: the steps that it takes to touch all of it. Looks at prototypes, never at
// fields, to tell mathjs's types from an object that pretends.

import { LIMITS } from './limits.ts'
import type { Meter } from './meter.ts'

/** mathjs's name of a value's type. */
export function typeName(value: unknown): string {
  if (typeof value !== 'object') return typeof value
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'Array'
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return 'Object'
  return typeof prototype?.type === 'string' ? prototype.type : 'unknown'
}

export function isMatrix(value: unknown): value is MatrixLike {
  const type = typeName(value)
  return type === 'DenseMatrix' || type === 'SparseMatrix'
}
export type MatrixLike = {
  _size: number[]
  _data: unknown[]
  _values?: unknown[]
  _datatype?: string
}

/** The shape of a matrix or nested array; empty for anything else. */
export function shapeOf(value: unknown): number[] {
  if (isMatrix(value)) return value._size
  const shape: number[] = []
  for (let at = value; Array.isArray(at) && shape.length < LIMITS.nestingMax; at = at[0]) {
    shape.push(at.length)
  }
  return shape
}

export function elementsOf(shape: readonly number[]): number {
  let elements = 1
  for (const length of shape) elements *= length
  return elements
}

const SMALL = 2n ** 63n

/** 64-bit words of a bigint. */
export function wordsOf(value: bigint): number {
  if (value < SMALL && value > -SMALL) return 1
  return Math.ceil(value.toString(16).length / 16)
}

const WORDS_MAX = Math.ceil((LIMITS.digitsMax * Math.log2(10)) / 64)

/** Measures values in steps, and fails on one that is beyond a limit. */
export function createMeasure(meter: Meter) {
  function bigint(value: bigint): number {
    const words = wordsOf(value)
    if (words > WORDS_MAX) meter.fail(`a number has more than ${LIMITS.digitsMax} digits`)
    return words
  }

  function list(values: readonly unknown[], budget: number, level: number): number {
    if (level > LIMITS.nestingMax)
      meter.fail(`values are nested more than ${LIMITS.nestingMax} deep`)
    let size = 1
    for (const value of values) {
      size += typeof value === 'number' ? 1 : measure(value, budget - size, level + 1)
      if (size > budget) return size
    }
    return size
  }

  function object(value: object, budget: number, level: number): number {
    // biome-ignore lint/suspicious/noExplicitAny: the fields of each type, told by its prototype
    const fields = value as Record<string, any>
    switch (typeName(value)) {
      case 'Array':
        return list(value as unknown[], budget, level)
      case 'BigNumber':
        return 1 + (fields.d?.length ?? 0) + Math.abs(fields.e || 0) / 7
      case 'Fraction': {
        const words = bigint(fields.n) + bigint(fields.d)
        return words === 2 ? 8 : 30 * words + 0.4 * words * words
      }
      case 'Complex':
        return 4
      case 'Unit':
        return 30 + 10 * fields.units.length + measure(fields.value, budget, level + 1)
      case 'DenseMatrix':
        return 2 + list(fields._data, budget, level)
      case 'SparseMatrix':
        return 2 + elementsOf(fields._size) + list(fields._values ?? [], budget, level)
      case 'ResultSet':
        return list(fields.entries, budget, level)
      case 'Index':
        return elementsOf(fields._dimensions.map((one: unknown) => lengthOf(one)))
      case 'Range':
        return lengthOf(value)
      default:
        return list(Object.values(value), budget, level)
    }
  }

  /** Steps to touch all of the value; stops counting soon above the budget. */
  function measure(value: unknown, budget: number, level = 0): number {
    switch (typeof value) {
      case 'string':
        if (value.length > LIMITS.stringCharsMax) {
          meter.fail(`a text has more than ${LIMITS.stringCharsMax} characters`)
        }
        return 1 + value.length / 8
      case 'bigint':
        return bigint(value)
      case 'object':
        return value === null ? 1 : object(value, budget, level)
      default:
        return 1
    }
  }
  return measure
}
export type Measure = ReturnType<typeof createMeasure>

/** How many indices one dimension of an Index holds. */
export function lengthOf(dimension: unknown): number {
  const type = typeName(dimension)
  if (type === 'Range') {
    const { start, end, step } = dimension as { start: number; end: number; step: number }
    return Math.max(0, Math.ceil((end - start) / step))
  }
  return isMatrix(dimension) || Array.isArray(dimension) ? elementsOf(shapeOf(dimension)) : 1
}

/** Calls visit with every number in a value, whatever its type, as a plain number. */
export function eachNumber(value: unknown, visit: (number: number) => void): void {
  switch (typeName(value)) {
    case 'number':
    case 'bigint':
    case 'BigNumber':
    case 'Fraction':
      visit(Number(value))
      return
    case 'string':
      if (Number.isFinite(Number(value))) visit(Number(value))
      return
    case 'Array':
      for (const one of value as unknown[]) eachNumber(one, visit)
      return
    case 'DenseMatrix':
      for (const one of (value as MatrixLike)._data) eachNumber(one, visit)
      return
    case 'SparseMatrix':
      for (const one of (value as MatrixLike)._values ?? []) eachNumber(one, visit)
      return
    case 'Object':
      for (const one of Object.values(value as object)) eachNumber(one, visit)
  }
}
