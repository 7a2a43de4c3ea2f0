// The sum of an expression in n over a range of whole numbers: exactly, unless doubles are asked for.
// As a job it is split by weight; the sums of the parts are added as they are, and so every number
// of parts gives the same.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { JobKind, Mistake } from '../../job-kind.ts'
import type { Kind, Result } from '../../kind.ts'
import { TaskFailure } from '../../kind.ts'
import type { Range } from './add-up.ts'
import { addUp, nearestDouble, TOO_LARGE } from './add-up.ts'
import { cut } from './cut.ts'
import type { Fraction } from './fraction.ts'
import { sum } from './fraction.ts'
import type { Tree } from './parse.ts'
import { EXACT_FUNCTIONS, parse, SyntaxMistake } from './parse.ts'

/** More n than this are not added up by anybody. */
const COUNT_MAX = 10n ** 13n
/** Of the denominators of all parts: adding them takes a master, which does nothing else then, 0.2 s. */
const DIGITS_MAX = 30_000

const Whole = Type.Union([
  Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
  Type.String({ pattern: '^-?\\d{1,30}$' }),
])
const Input = Type.Object(
  {
    expression: Type.String({ minLength: 1, maxLength: 1_000, description: 'in n, such as n^2' }),
    from: Whole,
    to: Whole,
    numbers: Type.Optional(
      Type.Union([Type.Literal('exact'), Type.Literal('number')], {
        description: 'exact (default): whole numbers and fractions; number: doubles',
      }),
    ),
  },
  { additionalProperties: false },
)
type Input = Static<typeof Input>

/** Of a part: n / d in digits. */
const Sum = Type.Object({
  n: Type.String({ pattern: '^-?\\d+$' }),
  d: Type.String({ pattern: '^\\d+$' }),
})

export const kind: Kind<Input> = {
  name: 'range-sum',
  summary: 'Adds up an expression in n over a range of whole numbers, as a fraction n / d.',
  input: Input,
  output: Sum,
  run(input) {
    const [mistake] = mistakesIn(input)
    if (mistake) throw new TaskFailure('rejected-input', `${mistake.field} ${mistake.rule}`)
    const { n, d } = addUp(parse(input.expression), rangeOf(input), numbersOf(input))
    return { result: { n: String(n), d: String(d) } }
  },
  examples: [
    {
      input: { expression: 'n^2', from: 1, to: 1_000_000 },
      output: { result: { n: '333333833333500000', d: '1' } },
    },
    { input: { expression: '1/n', from: 1, to: 4 }, output: { result: { n: '25', d: '12' } } },
  ],
}

/** `result` has the JSON form that such a number has as the result of an expression. */
export const job: JobKind<Input> = {
  name: 'range-sum',
  summary:
    'Adds up an expression in n over a range of whole numbers, cut into parts of like weight.',
  input: Input,
  output: Type.Union([
    Type.Number(),
    Type.Object({ mathjs: Type.Literal('bigint'), value: Type.String() }),
    Type.Object({ mathjs: Type.Literal('Fraction'), n: Type.String(), d: Type.String() }),
  ]),
  mistakes: mistakesIn,
  needs: () => ['range-sum'],
  stages: [
    {
      name: 'add',
      parts({ input, parts, slots }) {
        const { expression } = input
        const numbers = numbersOf(input)
        return cut(parse(expression), rangeOf(input), numbers, { parts, slots }).map(
          ({ from, to }) => ({
            kind: 'range-sum',
            input: { expression, from: String(from), to: String(to), numbers },
          }),
        )
      },
    },
  ],
  combine({ input, done }) {
    const sums = (done[0] ?? []).map(({ result }) => {
      const { n, d } = result as Static<typeof Sum>
      return { n: BigInt(n), d: BigInt(d) }
    })
    if (numbersOf(input) === 'number') return doubleOf(sums)
    const digits = sums.length > 1 ? digitsOf(done[0] ?? []) : 0
    if (digits > DIGITS_MAX) {
      const words = `the denominators of its parts have ${digits} digits together, more than ${DIGITS_MAX}`
      throw new TaskFailure(
        'result-too-large',
        `${words}: with "numbers": "number" these are doubles`,
      )
    }
    return exactOf(sum(sums))
  },
  examples: [
    {
      input: { expression: 'n^2', from: 1, to: 1_000_000 },
      output: { mathjs: 'bigint', value: '333333833333500000' },
    },
    {
      input: { expression: '1 / (n (n + 1))', from: 1, to: 99 },
      output: { mathjs: 'Fraction', n: '99', d: '100' },
    },
    { input: { expression: '0.1', from: 1, to: 5_000, numbers: 'number' }, output: 500 },
  ],
}

function exactOf({ n, d }: Fraction): Result {
  if (d === 1n) {
    const value = String(n)
    return { result: { mathjs: 'bigint', value }, resultType: 'bigint', resultText: value }
  }
  const form = { mathjs: 'Fraction', n: String(n), d: String(d) }
  return { result: form, resultType: 'Fraction', resultText: `${n}/${d}` }
}

/** All parts have the same denominator: no more than whole numbers are added. */
function doubleOf(sums: Fraction[]): Result {
  const value = nearestDouble(sums.reduce((total, { n }) => total + n, 0n))
  if (!Number.isFinite(value)) throw new TaskFailure('evaluation', TOO_LARGE)
  return { result: value, resultType: 'number', resultText: String(value) }
}

const digitsOf = (parts: { result: unknown }[]): number =>
  parts.reduce((all, { result }) => all + (result as Static<typeof Sum>).d.length, 0)
const rangeOf = ({ from, to }: Input): Range => ({ from: BigInt(from), to: BigInt(to) })
const numbersOf = ({ numbers = 'exact' }: Input): 'exact' | 'number' => numbers

function mistakesIn(input: Input): Mistake[] {
  const { from, to } = rangeOf(input)
  if (to < from) return [{ field: 'input.to', rule: `must be at least from, which is ${from}` }]
  if (to - from >= COUNT_MAX) {
    return [{ field: 'input.to', rule: `must be at most ${from + COUNT_MAX - 1n}: 10^13 numbers` }]
  }
  if (numbersOf(input) === 'number' && (from < -(2n ** 53n) || to > 2n ** 53n)) {
    return [{ field: 'input.to', rule: 'must be within 2^53 of zero for numbers: "number"' }]
  }
  try {
    const tree = parse(input.expression)
    const inexact = numbersOf(input) === 'exact' && inexactIn(tree)
    if (!inexact) return []
    const rule = `has ${inexact}, which is not exact; use numbers: "number"`
    return [{ field: 'input.expression', rule }]
  } catch (error) {
    if (!(error instanceof SyntaxMistake)) throw error
    return [{ field: 'input.expression', rule: error.message }]
  }
}

/** The first name in a tree that exact numbers do not know. */
function inexactIn(tree: Tree): string | undefined {
  if (tree.is === 'constant') return tree.name
  if (tree.is === 'number' || tree.is === 'n') return undefined
  if (tree.is === 'negate') return inexactIn(tree.of)
  if (tree.is === 'call') {
    const known = (EXACT_FUNCTIONS as readonly string[]).includes(tree.name)
    return known ? inexactIn(tree.of) : tree.name
  }
  return inexactIn(tree.left) ?? inexactIn(tree.right)
}
