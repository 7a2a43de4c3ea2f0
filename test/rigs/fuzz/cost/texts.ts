// Looks for expressions that cost too much before a step is charged: reading, checking and compiling
// a text of up to expressionCharsMax characters, and showing its result.

import type { Random } from '../../../../shared/data/random.ts'
import { createEvaluator } from '../../../../shared/kinds/expression/evaluate.ts'
import { LIMITS } from '../../../../shared/kinds/expression/limits.ts'
import { loadMathjs } from '../../../../shared/kinds/expression/mathjs.ts'
import { createExpressions } from '../expressions.ts'
import { cpuMs } from './functions.ts'

/** Of the longest text, whatever it is. */
const CPU_MS_MAX = 1_000
const REPEATS = 3
const CHARS = LIMITS.expressionCharsMax
const SHAPES: readonly [unit: string, join: string][] = [
  ...[
    '1',
    'a',
    'é',
    ' ',
    '\n',
    '(',
    ')',
    '[',
    '{',
    '"',
    "'",
    '-',
    '!',
    '\\\\',
    '.',
    ';',
    '#',
    '0x',
  ].map((unit) => [unit, ''] as [string, string]),
  ...['1', 'x', 'cm', '"a"', '[1]', '(1)', 'sin(1)', '1e9', '2 cm', 'f(x)=x'].flatMap((unit) =>
    ['+', '*', ' ', '^', ',', ';', '\n', '?', ':', '/', '.', ' to ', ' and ', '=='].map(
      (join) => [unit, join] as [string, string],
    ),
  ),
]

/** Every shape once, then generated ones until the CPU time is used up; gives what failed. */
export function findCostlyTexts(
  random: Random,
  cpuMsMax: number,
): { tried: number; failures: string[] } {
  const evaluate = createEvaluator(loadMathjs())
  const makeExpression = createExpressions(random)
  const failures: string[] = []
  const began = cpuMs()
  let tried = 0
  const take = (expression: string, name: string): void => {
    tried += 1
    let least = Number.POSITIVE_INFINITY
    for (let left = REPEATS; left > 0 && least > CPU_MS_MAX; left--) {
      const start = cpuMs()
      try {
        evaluate({ expression })
      } catch {
        // Most are refused; how long that takes is what counts.
      }
      least = Math.min(least, cpuMs() - start)
    }
    if (least > CPU_MS_MAX) failures.push(`${name} takes ${least.toFixed(0)} ms of CPU time`)
  }
  for (const [unit, join] of SHAPES) {
    if (cpuMs() - began > cpuMsMax) break
    const text = (unit + join).repeat(CHARS / (unit + join).length)
    take(join === '' ? text : `${text}${unit}`.slice(0, CHARS), JSON.stringify(`${unit}${join}...`))
  }
  while (cpuMs() - began < cpuMsMax) {
    const text = makeExpression()
    take(text, JSON.stringify(text))
  }
  return { tried, failures }
}
