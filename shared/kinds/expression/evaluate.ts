// Evaluates one task's expression: parse and check (or the compiled one from before), scope,
// evaluation under the meter, encoding. Owns the instances and what stays compiled.

import type { Result } from '../kind.ts'
import { TaskFailure } from '../kind.ts'
import { withSameChance } from './chance.ts'
import type { Checked } from './check.ts'
import { checkScope, checkTree } from './check.ts'
import { decodeScope } from './decode.ts'
import { encode } from './encode.ts'
import type { GuardedInstance, NumberType } from './instance.ts'
import { createInstance } from './instance.ts'
import { LIMITS } from './limits.ts'
import type { Evaluate, Instance, Mathjs } from './mathjs-types.ts'
import { checkNesting } from './nesting.ts'
import { typeName } from './size.ts'
import { signHints } from './symbols.ts'

export type ExpressionInput = {
  expression: string
  scope?: Record<string, unknown>
  number?: NumberType
}
type Compiled = Checked & { evaluate: Evaluate }
type Engine = {
  instance: GuardedInstance
  /** Expressions that came once: what is compiled for each would only be garbage that lives long. */
  seen: Set<string>
  /** Those that came again. */
  compiled: Map<string, Compiled>
  /** Their keys, oldest first. It stays where it is: a new one would pass over all that were deleted. */
  oldest: Iterator<string>
}

/** An evaluator with instances of its own. */
export function createEvaluator(mathjs: Mathjs) {
  const engines = new Map<NumberType, Engine>()

  function engineFor(number: NumberType): Engine {
    let engine = engines.get(number)
    if (!engine) {
      const compiled = new Map<string, Compiled>()
      const instance = createInstance(mathjs, number)
      engine = { instance, seen: new Set(), compiled, oldest: compiled.keys() }
      engines.set(number, engine)
    }
    return engine
  }

  /** The result of one input. Throws TaskFailure only. */
  return function evaluate(input: ExpressionInput): Result {
    const { scope, number = 'number' } = input
    // A line may end as on Windows.
    const expression = input.expression.replaceAll('\r\n', '\n')
    const engine = engineFor(number)
    try {
      return evaluateWith(engine, expression, scope)
    } catch (error) {
      if (isOdd(error)) engines.delete(number)
      const failure = asFailure(engine.instance.meter.failure() ?? error, 'evaluation')
      if (failure.type !== 'rejected-expression') throw failure
      throw rejected(failure.message + signHints(expression, BIGINTS))
    }
  }
}

function evaluateWith(engine: Engine, expression: string, given: ExpressionInput['scope']): Result {
  const { instance } = engine
  instance.start()
  const compiled = compiledFor(engine, expression)
  const { math, guard, meter } = instance
  const isForbidden = (name: string) =>
    name === 'config' || (name in math && !Object.hasOwn(guard.table, name))
  const scope = decodeScope(given, math, isForbidden)
  checkScope(compiled, scope)
  const value = withSameChance(() => compiled.evaluate(scope, {}, null))
  const failure = meter.failure()
  if (failure) throw failure
  return resultOf(value, instance)
}

/** Parsed, checked and compiled, now or before; the scope plays no part in it. */
function compiledFor(engine: Engine, expression: string): Compiled {
  const { instance } = engine
  const known = engine.compiled.get(expression)
  if (known) return known
  if (expression.length > LIMITS.expressionCharsMax) {
    throw rejected(`the expression has more than ${LIMITS.expressionCharsMax} characters`)
  }
  if (expression.trim() === '') throw rejected('the expression is empty')
  checkNesting(expression)
  let tree: ReturnType<GuardedInstance['parse']>
  try {
    tree = instance.parse(expression)
  } catch (error) {
    throw asFailure(error, 'rejected-expression')
  }
  const made = { ...checkTree(tree, instance), evaluate: instance.compile(tree) }
  if (expression.length <= LIMITS.compiledCharsMax) keep(engine, expression, made)
  return made
}

function keep({ seen, compiled, oldest }: Engine, expression: string, made: Compiled): void {
  if (!seen.delete(expression)) {
    if (seen.size >= LIMITS.compiledMax) seen.clear()
    seen.add(expression)
    return
  }
  if (compiled.size >= LIMITS.compiledMax) compiled.delete(oldest.next().value)
  compiled.set(expression, made)
}

/** Bigints as JavaScript writes them. */
const BIGINTS: [sign: RegExp, hint: string][] = [
  [/\d[eE]\d{1,9}n/, '10^3 for 1e3n, with "number": "bigint"'],
  [/\dn(?!\w)/, 'a number without "n", with "number": "bigint"'],
]

const rejected = (message: string) => new TaskFailure('rejected-expression', message)

function resultOf(value: unknown, instance: GuardedInstance): Result {
  const result = encode(value)
  const resultType = typeName(value)
  const text = textOf(value, instance)
  return text === undefined ? { result, resultType } : { result, resultType, resultText: text }
}

/** What mathjs prints; none for a result of very many values. */
function textOf(value: unknown, { math, measure }: GuardedInstance): string | undefined {
  // mathjs gives the same text, in several times the time of a small evaluation; of -0 its own.
  if (typeof value === 'number' && !Object.is(value, -0)) return numberText(value)
  const budget = LIMITS.resultTextValuesMax * 8
  // A BigNumber prints as digits and an exponent, however large the exponent is.
  if (
    typeName(value) !== 'BigNumber' &&
    measure(value, budget) > budget &&
    typeof value === 'object'
  )
    return undefined
  const text: string = math.format(printable(value, math))
  return text.length > LIMITS.resultTextCharsMax
    ? `${text.slice(0, LIMITS.resultTextCharsMax - 1)}…`
    : text
}

/** The lines' results: mathjs would print a function's code, and of an object only that it is one. */
function printable(value: unknown, math: Instance): unknown {
  if (typeName(value) !== 'ResultSet') return value
  const { entries } = value as { entries: unknown[] }
  const needsFormat = (entry: unknown) =>
    typeof entry === 'function' || typeName(entry) === 'Object'
  if (!entries.some(needsFormat)) return value
  return new math.ResultSet(
    entries.map((entry) => (needsFormat(entry) ? math.format(entry) : entry)),
  )
}

/** As mathjs prints a number: with an exponent outside these bounds. */
function numberText(value: number): string {
  const size = Math.abs(value)
  const isPlain = (size >= 1e-3 && size < 1e5) || size === 0 || !Number.isFinite(size)
  return isPlain ? String(value) : value.toExponential()
}

/** Whether it may have left the instance in a state that we do not know. */
function isOdd(error: unknown): boolean {
  if (error instanceof TaskFailure) return false
  if (!(error instanceof Error)) return true
  return (
    error.name === 'InternalError' ||
    /call stack|Invalid (array|string|typed)|Maximum BigInt/.test(error.message)
  )
}

function asFailure(error: unknown, type: 'evaluation' | 'rejected-expression'): TaskFailure {
  if (error instanceof TaskFailure) return error
  const message = error instanceof Error ? error.message : 'threw a value that is not an Error'
  return new TaskFailure(type, message.slice(0, LIMITS.messageCharsMax))
}
