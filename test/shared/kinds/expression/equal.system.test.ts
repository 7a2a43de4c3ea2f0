// Every expression that the allow-list lets through gives what plain mathjs gives: its documented
// examples, and everyday expressions, with all four types of number.

import * as mathjsModule from 'mathjs'
import t from 'tap'
import { withSameChance } from '../../../../shared/kinds/expression/chance.ts'
import { encode } from '../../../../shared/kinds/expression/encode.ts'
import { createEvaluator } from '../../../../shared/kinds/expression/evaluate.ts'
import type { NumberType } from '../../../../shared/kinds/expression/instance.ts'
import { NUMBERS } from '../../../../shared/kinds/expression/instance.ts'
import { loadMathjs } from '../../../../shared/kinds/expression/mathjs.ts'
import type { Instance } from '../../../../shared/kinds/expression/mathjs-types.ts'
import { FUNCTIONS } from '../../../../shared/kinds/expression/names.ts'
import { typeName } from '../../../../shared/kinds/expression/size.ts'
import type { TaskFailure } from '../../../../shared/kinds/kind.ts'
import { EVERYDAY } from './everyday.ts'

const mathjs = mathjsModule as unknown as Plain
const evaluate = createEvaluator(loadMathjs())

const LIMIT = / more than \d+ | above \d+$|too deeply/

type Plain = {
  create(all: unknown, config: object): Instance
  all: unknown
  docs: Record<string, { examples?: string[] }>
}
type Outcome = { result: unknown; resultType: string } | { error: string }

function plainOutcome(math: Instance, expression: string): Outcome {
  try {
    const value: unknown = withSameChance(() => math.evaluate(expression, new Map()))
    return { result: encode(value), resultType: typeName(value) }
  } catch (error) {
    return { error: (error as Error).message.slice(0, 1_000) }
  }
}

function ourOutcome(expression: string, number: NumberType): Outcome | 'rejected' {
  try {
    const { result, resultType } = evaluate({ expression, number })
    return { result, resultType: resultType! }
  } catch (error) {
    const { type, message } = error as TaskFailure
    return type === 'rejected-expression' ? 'rejected' : { error: message }
  }
}

/** Each documented example alone, and all of one page one after the other. */
function documented(): string[] {
  const expressions: string[] = []
  for (const { examples } of Object.values(mathjs.docs)) {
    if (!examples?.length) continue
    expressions.push(...examples, examples.join('\n'))
  }
  return [...new Set(expressions)].filter((expression) => expression.trim() !== '')
}

/** Each allowed function with ordinary arguments, as most of them get none in the documentation. */
function called(): string[] {
  const args = [
    '',
    '2',
    '0.5',
    '-3',
    '2, 3',
    '[1, 2; 3, 4]',
    '[1, 2; 3, 4], 2',
    '[3, 1, 2]',
    '[3, 1, 2], [1, 2, 3]',
    '"2"',
    '3 + 4i',
    '5 cm',
    'true',
    '10, 2, 3',
    'sparse([1, 0; 0, 4])',
    'Infinity',
    'NaN',
    'null',
    '{a: 1}',
  ]
  return Object.values(FUNCTIONS)
    .flat()
    .flatMap((name) => args.map((given) => `${name}(${given})`))
}

for (const number of NUMBERS) {
  t.test(`gives what plain mathjs gives, with ${number}`, async (t) => {
    const math: Instance = mathjs.create(mathjs.all, { number })
    let same = 0
    let rejected = 0
    let limited = 0
    for (const expression of [...documented(), ...EVERYDAY, ...called()]) {
      const ours = ourOutcome(expression, number)
      if (ours === 'rejected') {
        rejected += 1
        continue
      }
      if ('error' in ours && LIMIT.test(ours.error)) {
        // Plain mathjs would not come back from some of these.
        limited += 1
        continue
      }
      const plain = plainOutcome(math, expression)
      if (JSON.stringify(ours) === JSON.stringify(plain)) same += 1
      else t.same(ours, plain, `${number}: ${expression}`)
    }
    t.ok(same > 3_000, `${same} the same`)
    t.ok(rejected < 300, `${rejected} rejected`)
    t.ok(limited < 30, `${limited} above a limit`)
  })
}

t.test('lets every everyday expression through', async (t) => {
  for (const expression of EVERYDAY) {
    t.doesNotThrow(() => evaluate({ expression }), expression)
  }
})
