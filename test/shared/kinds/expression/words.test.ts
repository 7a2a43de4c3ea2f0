// What people write and see: line ends of Windows, readable results, hints for signs of other languages.

import t from 'tap'
import { createEvaluator } from '../../../../shared/kinds/expression/evaluate.ts'
import { loadMathjs } from '../../../../shared/kinds/expression/mathjs.ts'
import type { TaskFailure } from '../../../../shared/kinds/kind.ts'

const evaluate = createEvaluator(loadMathjs())

function refusal(expression: string): string {
  try {
    return JSON.stringify(evaluate({ expression }))
  } catch (error) {
    return (error as TaskFailure).message
  }
}

t.test('a line may end in CR LF', async (t) => {
  t.equal(evaluate({ expression: 'a = 1\r\na + 1\r\n' }).resultText, '[1, 2]')
})

t.test('results have readable text', async (t) => {
  const big = evaluate({ expression: '99999 ^ 99999', number: 'BigNumber' })
  t.match(String(big.resultText), /^3\.6788128\d+e\+499994$/)
  t.equal(evaluate({ expression: 'x = {a: [1, 2]}; x' }).resultText, '[{"a": [1, 2]}]')
})

t.test('a refusal names what to write in place of a sign that mathjs does not know', async (t) => {
  const HINTS: [expression: string, hint: string][] = [
    ['2π', 'pi for π'],
    ['2 × 3', '* for'],
    ['3 ÷ 2', '/ for'],
    ['5 − 2', '- for'],
    ['3²', '^2 for'],
    ['√4', 'sqrt(x)'],
    ['1,5 + 2', 'a point for the decimal comma'],
    ['1e3n', '10^3 for 1e3n'],
    ['10n', 'without "n"'],
  ]
  for (const [expression, hint] of HINTS)
    t.ok(refusal(expression).includes(hint), refusal(expression))
  t.equal(refusal('(1'), 'Parenthesis ) expected (char 3)')
})
