// Expressions by a small grammar, some of them broken: right ones, wrong ones, and costly ones.

import type { Random } from '../../../shared/data/random.ts'

const ATOMS = ['1', '0', '2.5', '1e308', '-3', 'pi', 'i', 'x', 'true', 'null', '"a"', '5 cm', '1/0']
const FUNCTIONS = ['sqrt', 'sin', 'abs', 'factorial', 'sum', 'det', 'inv', 'ones', 'range', 'nope']
const INFIX = ['+', '-', '*', '/', '^', '%', '==', '<', ' and ', ' to ', ':', '.*', '!', ';']
const ODD = [
  '__proto__',
  'constructor',
  '\u0000',
  '((',
  '}',
  '"',
  '[',
  'import',
  '\u202e',
  '9'.repeat(400),
]

/** Gives the next expression, over and over. */
export function createExpressions(random: Random): () => string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T

  function make(depth: number): string {
    const chance = random.next()
    if (depth <= 0 || chance < 0.25) return pick(ATOMS)
    const less = depth - 1
    if (chance < 0.6) return `${make(less)} ${pick(INFIX)} ${make(less)}`
    if (chance < 0.75) return `${pick(FUNCTIONS)}(${make(less)})`
    if (chance < 0.85) return `[${make(less)}, ${make(less)}]`
    if (chance < 0.95) return `(${make(less)})`
    return `f(x) = ${make(less)}\nf(${make(less)})`
  }

  return () => {
    const text = make(5)
    if (random.next() > 0.15) return text || '1'
    const at = Math.floor(random.next() * text.length)
    return `${text.slice(0, at)}${pick(ODD)}${text.slice(at)}`
  }
}
