// The sum of an expression in n over a range of whole numbers: exactly, unless doubles are asked for.
// As a job it is split by weight; the sums of the parts are added as they are, and so every number
// of parts gives the same.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Mistake } from '../../protocol/asked.ts'
import { signHints } from '../expression/symbols.ts'
import type { JobKind } from '../job-kind.ts'
import type { Kind } from '../kind.ts'
import { TaskFailure } from '../kind.ts'
import type { Range } from './add-up.ts'
import { addUp } from './add-up.ts'
import type { Sum } from './combine.ts'
import { combineDoubles, combineExactly } from './combine.ts'
import { cut } from './cut.ts'
import type { Tree } from './parse.ts'
import { EXACT_FUNCTIONS, parse, SyntaxMistake } from './parse.ts'

/** More n than this are not added up by anybody. */
const COUNT_MAX = 10n ** 13n

const Whole = Type.Union([
  Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
  Type.String({
    pattern: '^-?\\d{1,30}$',
    wanted: 'an integer of up to 30 digits as text, such as "-12"',
  }),
])
const Input = Type.Object(
  {
    expression: Type.String({
      minLength: 1,
      maxLength: 1_000,
      description: 'an expression in n, such as n^2',
    }),
    from: Whole,
    to: Whole,
    numbers: Type.Optional(
      Type.Union([Type.Literal('exact'), Type.Literal('number')], {
        description: 'exact (default): integers and fractions; number: doubles',
      }),
    ),
  },
  { additionalProperties: false },
)
type Input = Static<typeof Input>

/** Of a part: n / d in digits. */
const SumOutput = Type.Object({
  n: Type.String({ pattern: '^-?\\d+$', wanted: 'an integer in decimal digits' }),
  d: Type.String({ pattern: '^\\d+$', wanted: 'a positive integer in decimal digits' }),
})

export const kind: Kind<Input> = {
  name: 'range-sum',
  summary: 'Sums an expression in n over a range of integers, as a fraction n / d.',
  input: Input,
  output: SumOutput,
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
  summary: 'Sums an expression in n over a range of integers, split into parts of similar cost.',
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
      parts({ input, parts, slots, runLimitMs }) {
        const { expression } = input
        const numbers = numbersOf(input)
        return cut(parse(expression), rangeOf(input), numbers, { parts, slots, runLimitMs }).map(
          ({ from, to }) => ({
            kind: 'range-sum',
            input: { expression, from: String(from), to: String(to), numbers },
          }),
        )
      },
    },
  ],
  combine({ input, done }) {
    const sums = (done[0] ?? []).map(({ result }) => result as Sum)
    return numbersOf(input) === 'number' ? combineDoubles(sums) : combineExactly(sums)
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
    return [{ field: 'input.expression', rule: error.message + signHints(input.expression) }]
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
