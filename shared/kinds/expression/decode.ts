// Reads the scope of a task: JSON values and the forms of encode.ts, into mathjs's values. An
// array is a matrix. Bounds names, depth and count; a wrong form is `rejected-input` and named.

import { TaskFailure } from '../kind.ts'
import { LIMITS } from './limits.ts'
import type { Instance } from './mathjs-types.ts'
import { isUnsafeName } from './names.ts'

type Form = Record<string, unknown>

function reject(where: string, rule: string): never {
  throw new TaskFailure('rejected-input', `${where}: ${rule}`)
}

const NAME = /^[\p{L}_$][\p{L}\p{N}_$]{0,63}$/u
const INTEGER = /^-?\d+$/
const DECIMAL = /^-?(\d+(\.\d*)?([eE][-+]?\d{1,9})?|Infinity)$|^NaN$/

/** The scope as the Map that compiled expressions read and write. */
export function decodeScope(
  scope: Form | undefined,
  math: Instance,
  isForbidden: (name: string) => boolean,
): Map<string, unknown> {
  const decoded = new Map<string, unknown>()
  if (scope === undefined) return decoded
  const names = Object.keys(scope)
  if (names.length > LIMITS.scopeNamesMax) {
    reject('scope', `has more than ${LIMITS.scopeNamesMax} names`)
  }
  const decode = createDecode(math)
  for (const name of names) {
    if (!NAME.test(name) || isUnsafeName(name) || isForbidden(name) || name === 'end') {
      reject('scope', `cannot have the name "${name.slice(0, 80)}"`)
    }
    decoded.set(name, decode(scope[name], `scope.${name}`))
  }
  return decoded
}

function createDecode(math: Instance) {
  let count = 0
  function decode(value: unknown, where: string, level = 0): unknown {
    count += 1
    if (count > LIMITS.scopeValuesMax) {
      reject('scope', `has more than ${LIMITS.scopeValuesMax} values`)
    }
    if (level > LIMITS.nestingMax) reject(where, `is nested more than ${LIMITS.nestingMax} deep`)
    if (Array.isArray(value)) return matrix(list(value, where, level), where)
    if (typeof value === 'string' && value.length > LIMITS.stringCharsMax) {
      reject(where, `has more than ${LIMITS.stringCharsMax} characters`)
    }
    if (typeof value !== 'object' || value === null) return value
    return Object.hasOwn(value, 'mathjs')
      ? typed(value as Form, where, level)
      : object(value as Form, where, level)
  }

  /** Nested arrays stay arrays until the outermost becomes the matrix. */
  function list(values: unknown[], where: string, level: number): unknown[] {
    return values.map((one, place) => {
      const here = `${where}[${place}]`
      if (!Array.isArray(one)) return decode(one, here, level + 1)
      if (level >= LIMITS.nestingMax) reject(here, `is nested more than ${LIMITS.nestingMax} deep`)
      return list(one, here, level + 1)
    })
  }

  function matrix(values: unknown[], where: string): unknown {
    try {
      return math.matrix(values)
    } catch (error) {
      return reject(where, `is not a matrix: ${(error as Error).message}`)
    }
  }

  function object(value: Form, where: string, level: number): Form {
    const decoded: Form = {}
    for (const key of Object.keys(value)) {
      if (isUnsafeName(key)) reject(where, `cannot have the field "${key}"`)
      decoded[key] = decode(value[key], `${where}.${key}`, level + 1)
    }
    return decoded
  }

  function typed(form: Form, where: string, level: number): unknown {
    const read = Object.hasOwn(READERS, String(form.mathjs)) && READERS[String(form.mathjs)]
    if (!read)
      reject(where, `has an unknown "mathjs" type; use one of ${Object.keys(READERS).join(', ')}`)
    const part = (key: string) =>
      Array.isArray(form[key])
        ? list(form[key], `${where}.${key}`, level + 1)
        : decode(form[key], `${where}.${key}`, level + 1)
    try {
      return read(form, part, math)
    } catch (error) {
      if (error instanceof TaskFailure) throw error
      return reject(where, `is no ${String(form.mathjs)}: ${(error as Error).message}`)
    }
  }
  return decode
}

type Reader = (form: Form, part: (key: string) => unknown, math: Instance) => unknown

const READERS: Record<string, Reader> = {
  number: ({ value }) => Number(digits(value, DECIMAL)),
  bigint: ({ value }) => BigInt(digits(value, INTEGER)),
  BigNumber: ({ value }, _, math) => new math.BigNumber(digits(value, DECIMAL)),
  Fraction({ n, d }, _, math) {
    const [numerator, denominator] = [BigInt(digits(n, INTEGER)), BigInt(digits(d, INTEGER))]
    return new math.Fraction(numerator, denominator)
  },
  Complex: (_, part, math) => new math.Complex(number(part('re')), number(part('im'))),
  Unit(form, part, math) {
    const json = { ...form, value: form.value == null ? null : part('value') }
    if (form.unit != null && typeof form.unit !== 'string') throw new Error('unit is not a string')
    return math.Unit.fromJSON(json)
  },
  DenseMatrix(_, part, math) {
    const data = part('data')
    if (!Array.isArray(data)) throw new Error('data is not an array')
    return math.matrix(data)
  },
  SparseMatrix: (form, part, math) => sparse(form, part('values'), math),
  ResultSet: (_, part, math) => {
    const entries = part('entries')
    if (!Array.isArray(entries)) throw new Error('entries is not an array')
    return new math.ResultSet(entries)
  },
}

function digits(value: unknown, pattern: RegExp): string {
  if (typeof value !== 'string' || value.length > LIMITS.digitsMax + 1 || !pattern.test(value)) {
    throw new Error('its digits are not the text of a number')
  }
  return value
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw new Error('its parts are not numbers')
  return value
}

/** Checks that the columns fit: mathjs trusts what it is given. */
function sparse(form: Form, values: unknown, math: Instance): unknown {
  const integers = (key: string, most: number) => {
    const list = form[key]
    const ok =
      Array.isArray(list) && list.every((one) => Number.isInteger(one) && one >= 0 && one <= most)
    if (!ok) throw new Error(`${key} is not a list of integers from 0 to ${most}`)
    return list as number[]
  }
  const size = integers('size', LIMITS.elementsMax)
  const [rows = 0, columns = 0] = size
  if (size.length !== 2 || rows * columns > LIMITS.elementsMax || !Array.isArray(values)) {
    throw new Error('size and values do not match')
  }
  const index = integers('index', rows - 1)
  const ptr = integers('ptr', values.length)
  const grows = ptr.every((at, place) => place === 0 || at >= ptr[place - 1]!)
  if (index.length !== values.length || ptr.length !== columns + 1 || !grows) {
    throw new Error('index and ptr do not match')
  }
  if (ptr[0] !== 0 || ptr[columns] !== values.length) throw new Error('ptr does not match')
  return new math.SparseMatrix({ values, index: [...index], ptr: [...ptr], size: [rows, columns] })
}
