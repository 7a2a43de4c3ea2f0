// The JSON form of every value that an expression can have or take. It is mathjs's own form (what
// its replacer writes and its reviver reads), with the gaps filled; decode.ts reads it back.
//
// | value                            | JSON                                                       |
// |----------------------------------|------------------------------------------------------------|
// | number                           | itself: the shortest digits that read back as this double  |
// | Infinity, -Infinity, NaN, -0     | {"mathjs":"number","value":"Infinity"}, ... "-0"           |
// | bigint                           | {"mathjs":"bigint","value":"123"}                          |
// | BigNumber                        | {"mathjs":"BigNumber","value":"0.1"}                       |
// | Fraction                         | {"mathjs":"Fraction","n":"-1","d":"3"}                     |
// | Complex                          | {"mathjs":"Complex","re":1,"im":2}                         |
// | Unit                             | {"mathjs":"Unit","value":5,"unit":"cm","fixPrefix":false,"skipSimp":true} |
// | DenseMatrix                      | {"mathjs":"DenseMatrix","data":[[1,2]],"size":[1,2]}       |
// | SparseMatrix                     | {"mathjs":"SparseMatrix","values","index","ptr","size"}    |
// | several lines                    | {"mathjs":"ResultSet","entries":[...]}                     |
// | Index                            | {"mathjs":"Index","dimensions":[{"mathjs":"DenseMatrix",...}]} |
// | a function                       | {"mathjs":"function","value":"f(x) = x ^ 2"}               |
// | string, boolean, array, object   | itself (an object with a field "mathjs" is refused)        |
// | null                             | null                                                       |
// | undefined                        | null; resultType says "undefined"                          |

import { TaskFailure } from '../kind.ts'
import { LIMITS } from './limits.ts'
import { typeName } from './size.ts'

// biome-ignore lint/suspicious/noExplicitAny: the fields of mathjs values
type Fields = Record<string, any>

/** Encodes a value; fails with `result-too-large` as soon as its JSON is above the limit. */
export function encode(value: unknown, bytesMax: number = LIMITS.resultBytesMax): unknown {
  let bytes = 0
  /** Counts what JSON.stringify will write. */
  function count(more: number): void {
    bytes += more
    if (bytes > bytesMax) {
      throw new TaskFailure('result-too-large', `the result is longer than ${bytesMax} bytes`)
    }
  }

  function text(value: string): string {
    count(value.length + 2)
    if (value.length > 0) count(Buffer.byteLength(JSON.stringify(value)) - value.length - 2)
    return value
  }

  function number(value: number): unknown {
    if (Number.isFinite(value) && !Object.is(value, -0)) {
      count(digitsOf(value))
      return value
    }
    return form('number', { value: Object.is(value, -0) ? '-0' : String(value) }, 1)
  }

  function list(values: readonly unknown[], level: number): unknown[] {
    if (bytes + 2 * values.length > bytesMax) count(2 * values.length)
    count(2 + Math.max(0, values.length - 1))
    return values.map((one) => any(one, level + 1))
  }

  function fields(of: Fields, level: number): Fields {
    const encoded: Fields = {}
    count(2)
    let first = true
    for (const [key, value] of Object.entries(of)) {
      if (value === undefined) continue
      count(first ? 1 : 2)
      first = false
      text(key)
      encoded[key] = any(value, level + 1)
    }
    return encoded
  }

  const form = (mathjs: string, of: Fields, level: number) => fields({ mathjs, ...of }, level)

  function object(value: object, level: number): unknown {
    const of = value as Fields
    const type = typeName(value)
    switch (type) {
      case 'Array':
        return list(value as unknown[], level)
      case 'Object':
        if (Object.hasOwn(value, 'mathjs')) {
          throw new TaskFailure('evaluation', 'an object of a result cannot have a field "mathjs"')
        }
        return fields(nullForUndefined(of), level)
      case 'BigNumber':
      case 'Fraction':
      case 'Complex':
      case 'Unit':
      case 'DenseMatrix':
      case 'SparseMatrix':
      case 'ResultSet':
      case 'Range':
      case 'Index':
        return fields(of.toJSON(), level)
      case 'ImmutableDenseMatrix':
        // Inside an Index.
        return fields({ ...of.toJSON(), mathjs: 'DenseMatrix' }, level)
      default:
        throw new TaskFailure('evaluation', `a result cannot be of the type ${type}`)
    }
  }

  function any(value: unknown, level: number): unknown {
    if (level > 2 * LIMITS.nestingMax) {
      throw new TaskFailure('evaluation', `a result nests more than ${LIMITS.nestingMax} deep`)
    }
    switch (typeof value) {
      case 'number':
        return number(value)
      case 'string':
        return text(value)
      case 'boolean':
        count(5)
        return value
      case 'bigint':
        return form('bigint', { value: String(value) }, level)
      case 'function':
        return form('function', { value: functionText(value as Fields) }, level)
      case 'object':
        if (value !== null) return object(value, level)
    }
    count(4)
    return null
  }
  return any(value, 1)
}

/** Characters of a number in JSON. */
function digitsOf(value: number): number {
  return Number.isInteger(value) && value >= 0 && value < 10 ? 1 : String(value).length
}

/** An object keeps a field that is undefined, as null. */
function nullForUndefined(of: Fields): Fields {
  const filled: Fields = {}
  for (const key of Object.keys(of)) filled[key] = of[key] ?? null
  return filled
}

/** `f(x) = x ^ 2` for a function that the expression made, else its name. */
function functionText(value: Fields): string {
  return value.syntax ? `${value.syntax} = ${value.expr}` : String(value.name)
}
