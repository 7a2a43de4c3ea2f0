// The kind `expression`: evaluates a mathjs expression. Owns the input's schema and the one
// evaluator of this process; mathjs is loaded with the first task.
//
// kind -> mathjs, evaluate -> check, decode, instance (guard -> cost, size, meter), encode; limits, names

import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Kind, Result } from '../kind.ts'
import type { ExpressionInput } from './evaluate.ts'
import { createEvaluator } from './evaluate.ts'
import { NUMBERS } from './instance.ts'
import { LIMITS } from './limits.ts'
import { loadMathjs } from './mathjs.ts'

const Input = Type.Object(
  {
    expression: Type.String({
      minLength: 1,
      maxLength: LIMITS.expressionCharsMax,
      pattern: '\\S',
      description: 'expression in the language of mathjs; several lines give several results',
    }),
    scope: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        maxProperties: LIMITS.scopeNamesMax,
        description:
          'values of variables in the expression: numbers, strings, booleans, arrays (matrices), objects, and the JSON forms of results, such as {"mathjs": "BigNumber", "value": "0.1"}',
      }),
    ),
    number: Type.Optional(
      Type.Union(
        NUMBERS.map((number) => Type.Literal(number)),
        {
          description: 'type of the numbers in the expression; default "number"',
        },
      ),
    ),
  },
  { additionalProperties: false },
)
export type Input = Static<typeof Input>

let evaluate: ((input: ExpressionInput) => Result) | undefined

function load(input: ExpressionInput): Result {
  evaluate ??= createEvaluator(loadMathjs())
  return evaluate(input)
}

const bigint = (value: string) => ({ mathjs: 'bigint', value })

export const kind: Kind<ExpressionInput> = {
  name: 'expression',
  summary: 'Evaluates an expression of mathjs, with limits that are the same on every slave.',
  shorthand: true,
  input: Input,
  output: Type.Unknown({
    description: 'JSON; types that JSON lacks have the form {"mathjs": type, ...}',
  }),
  run: (input) => (evaluate ? evaluate(input) : load(input)),
  examples: [
    {
      input: { expression: '2 + 3' },
      output: { result: 5, resultType: 'number', resultText: '5' },
    },
    {
      input: { expression: 'a * b', scope: { a: 6, b: 7 } },
      output: { result: 42, resultType: 'number', resultText: '42' },
    },
    {
      input: { expression: '2 ^ 100', number: 'bigint' },
      output: {
        result: bigint('1267650600228229401496703205376'),
        resultType: 'bigint',
        resultText: '1267650600228229401496703205376',
      },
    },
    {
      input: { expression: '1/3 + 1/6', number: 'Fraction' },
      output: {
        result: { mathjs: 'Fraction', n: '1', d: '2' },
        resultType: 'Fraction',
        resultText: '1/2',
      },
    },
    {
      input: { expression: 'sqrt(-4)' },
      output: {
        result: { mathjs: 'Complex', re: 0, im: 2 },
        resultType: 'Complex',
        resultText: '2i',
      },
    },
    {
      input: { expression: 'A = [1, 2; 3, 4]\ndet(A)' },
      output: {
        result: {
          mathjs: 'ResultSet',
          entries: [
            {
              mathjs: 'DenseMatrix',
              data: [
                [1, 2],
                [3, 4],
              ],
              size: [2, 2],
            },
            -2,
          ],
        },
        resultType: 'ResultSet',
        resultText: '[[[1, 2], [3, 4]], -2]',
      },
    },
  ],
}
