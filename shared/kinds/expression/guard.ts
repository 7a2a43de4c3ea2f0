// Stands before every function that an expression may call: measures the arguments, takes the
// steps of the call from the meter, calls, and measures what came out. The table it makes is all
// that a compiled expression can reach of mathjs.

import { createCosts } from './cost.ts'
import { convertingCost } from './cost-convert.ts'
import type { Instance, RawArgument } from './mathjs-types.ts'
import type { Cost, Meter } from './meter.ts'
import type { CostClass } from './names.ts'
import { CONSTANTS, FUNCTIONS, MAKES_FRACTIONS, TAKES_TEXT } from './names.ts'
import { broadcast } from './shape.ts'
import type { Measure } from './size.ts'

// biome-ignore lint/suspicious/noExplicitAny: mathjs calls with anything
type Any = any
export type Callable = ((...args: Any[]) => Any) & { rawArgs?: boolean }

/** Classes whose call with numbers alone is one step and gives a number. */
const CHEAP: ReadonlySet<string> = new Set<CostClass>([
  'plain',
  'heavy',
  'hyperbolic',
  'inverse',
  'pow',
  'digits',
  'log',
])

const isCheap = (name: string, kind: CostClass) => CHEAP.has(kind) && !MAKES_FRACTIONS.has(name)

export function createGuard(math: Instance, meter: Meter, measure: Measure) {
  const costs = createCosts(meter)

  function spendFor(cost: Cost, args: readonly unknown[]): void {
    let size = 1
    for (const arg of args) size += measure(arg, meter.left())
    meter.spend(size)
    meter.spend(cost(args, size))
  }

  const costOfCall = (name: string, kind: Exclude<CostClass, 'lazy'>): Cost =>
    TAKES_TEXT.has(name)
      ? costs[kind]
      : (args, size) =>
          costs[kind](args, size) + convertingCost(meter, args, MAKES_FRACTIONS.has(name))

  function grown<Value>(value: Value): Value {
    if (typeof value !== 'number') meter.spend(measure(value, meter.left()))
    return value
  }

  function full(callable: Callable, cost: Cost): Callable {
    return (...args) => {
      spendFor(cost, args)
      return grown(callable(...args))
    }
  }

  /** The same, with a short way for one or two plain numbers. */
  function short(callable: Callable, cost: Cost): Callable {
    const slow = full(callable, cost)
    return function guarded(a: unknown, b: unknown) {
      // biome-ignore lint/complexity/noArguments: the count of arguments decides, without an array
      const given = arguments
      if (typeof a === 'number') {
        if (given.length === 2 && typeof b === 'number') {
          meter.spend(1)
          return grown(callable(a, b))
        }
        if (given.length === 1) {
          meter.spend(1)
          return grown(callable(a))
        }
      }
      return slow(...given)
    }
  }

  /** Gets its arguments unevaluated: each is measured as it is evaluated, the callback is not. */
  function lazy(name: string, callable: Callable): Callable {
    const takesCallback = name === 'map' || name === 'filter' || name === 'forEach'
    const isBits = name.startsWith('bit')
    const raw: Callable = (args: RawArgument[], table: unknown, scope: unknown) => {
      // mathjs compiles the arguments anew at every call, and makes typed callbacks.
      meter.spend(takesCallback ? 300 : 30)
      const seen: unknown[] = []
      const metered = args.map((arg, place) => {
        if (takesCallback && place === args.length - 1) return arg
        return { compile: () => ({ evaluate: (within: unknown) => see(arg, within) }) }
      })
      function see(arg: RawArgument, within: unknown) {
        const value = arg.compile().evaluate(within)
        seen.push(value)
        const size = measure(value, meter.left())
        meter.spend(size * (takesCallback ? 6 : isBits ? 8 * size : 2))
        if (seen.length > 1) meter.spend((takesCallback ? 20 : 12) * broadcast(meter, seen))
        return value
      }
      return grown(callable(metered, table, scope))
    }
    raw.rawArgs = true
    return raw
  }

  function tableOf() {
    // It inherits from Object.prototype because mathjs reads only such objects; check.ts lets no
    // name of that prototype through. `config` is what ArrayNode looks at.
    const table: Record<string, unknown> = { config: Object.freeze({}) }
    const costOf: Record<string, Cost> = {}
    for (const [kind, names] of Object.entries(FUNCTIONS) as [CostClass, string[]][]) {
      for (const name of names) {
        onFirstUse(table, name, () => {
          const callable = math.expression.mathWithTransform[name] as Callable
          if (kind === 'lazy') return lazy(name, callable)
          return (isCheap(name, kind) ? short : full)(callable, costOfCall(name, kind))
        })
        if (kind !== 'lazy') costOf[name] = costOfCall(name, kind)
      }
    }
    for (const name of CONSTANTS) table[name] = math.expression.mathWithTransform[name]
    return { table, costOf }
  }
  const { table, costOf } = tableOf()

  const values = new Map<string, Callable>()
  /** A function as a value, for a callback: typed like mathjs's own, guarded in every signature. */
  function functionValue(name: string): Callable {
    const known = values.get(name)
    if (known) return known
    const callable = math.expression.mathWithTransform[name] as { signatures: object }
    const signatures = Object.entries(callable.signatures).map(
      ([signature, one]) => [signature, full(one as Callable, costOf[name]!)] as const,
    )
    const value = math.typed(name, Object.fromEntries(signatures))
    values.set(name, value)
    return value
  }

  /** Whether a function may be passed on by its name. */
  const isValue = (name: string) =>
    Object.hasOwn(costOf, name) &&
    math.typed.isTypedFunction(math.expression.mathWithTransform[name])

  return { table, functionValue, isValue }
}
/** mathjs makes each function when it is first looked at; all of them take a quarter of a second. */
function onFirstUse(table: Record<string, unknown>, name: string, make: () => Callable): void {
  const rest = { configurable: true, enumerable: true }
  Object.defineProperty(table, name, {
    ...rest,
    get: () => {
      const value = make()
      Object.defineProperty(table, name, { ...rest, value, writable: true })
      return value
    },
  })
}

export type Guard = ReturnType<typeof createGuard>
