// One mathjs instance, changed so that whatever it compiles reaches only the guard's table, calls
// are counted, and matrices grow under the limits. Nobody else gets at the instance: there is one
// per type of number, made on first use, thrown away after anything odd.
//
// mathjs's nodes compile themselves by `_compile(math, argNames)`, where `math` is the table that
// they look names up in. We hand them ours, and patch four prototypes of this instance alone
// (create() makes the classes anew each time). `_compile` is not documented: mathjs is pinned
// exactly, and expression.test.ts compares with a plain instance.

import type { Guard } from './guard.ts'
import { createGuard } from './guard.ts'
import type { Evaluate, Instance, Mathjs, Tree } from './mathjs-types.ts'
import type { Meter } from './meter.ts'
import { createMeter } from './meter.ts'
import { shapeCost } from './shape.ts'
import { createMeasure, eachNumber, isMatrix, lengthOf } from './size.ts'

export const NUMBERS = ['number', 'BigNumber', 'bigint', 'Fraction'] as const
export type NumberType = (typeof NUMBERS)[number]
/** The levels and the number of nodes of a tree. */
export function extentOf(tree: Tree): { levels: number; nodes: number } {
  let levels = 0
  let nodes = 1
  tree.forEach((child) => {
    const extent = extentOf(child)
    levels = Math.max(levels, extent.levels)
    nodes += extent.nodes
  })
  return { levels: levels + 1, nodes }
}

/** A guarded instance: parse, compile, and what encoding and decoding need. */
export function createInstance(mathjs: Mathjs, number: NumberType) {
  const math: Instance = mathjs.create({ number })
  const meter = createMeter()
  const measure = createMeasure(meter)
  const guard = createGuard(math, meter, measure)
  patchSymbols(math, guard)
  patchCalls(math, guard, meter)
  patchMatrices(math, meter)
  const parse = math.parse as (text: string) => Tree
  const { precision, rounding } = math.BigNumber
  return {
    math,
    meter,
    /**
     * Begins an evaluation: full meter, and the configured precision. decimal.js raises its precision
     * inside sin, cos and tan and leaves it there when it throws, so one task's failure would change
     * the digits and the cost of the next task's result.
     */
    start() {
      meter.start()
      math.BigNumber.set({ precision, rounding })
    },
    measure,
    guard,
    parse,
    compile: (tree: Tree): Evaluate => tree._compile(guard.table, {}),
    isUnit: (name: string): boolean => math.Unit.isValuelessUnit(name),
  }
}
export type GuardedInstance = ReturnType<typeof createInstance>

/** A function named without a call is a guarded value; the scope goes before it, as in mathjs. */
function patchSymbols(math: Instance, guard: Guard) {
  const prototype = math.SymbolNode.prototype
  const original = prototype._compile
  prototype._compile = function (this: Tree, _table: unknown, argNames: Record<string, boolean>) {
    const name: string = this.name
    if (argNames[name] === true || typeof guard.table[name] !== 'function') {
      return original.call(this, guard.table, argNames)
    }
    return (scope: Map<string, unknown>) =>
      scope.has(name) ? scope.get(name) : guard.functionValue(name)
  }
}

/** mathjs makes a typed function and the text of its body. */
const DEFINITION_STEPS = 300

/** Bodies of functions and inline callbacks take steps and levels each time they run. */
function patchCalls(math: Instance, guard: Guard, meter: Meter) {
  function counted(tree: Tree, evaluate: Evaluate): Evaluate {
    const { levels, nodes } = extentOf(tree)
    return (scope, args, context) => {
      meter.enter(levels, nodes)
      const value = evaluate(scope, args, context)
      meter.leave(levels)
      return value
    }
  }
  math.Node.prototype.compile = function (this: Tree) {
    const evaluate = counted(this, this._compile(guard.table, {}))
    return { evaluate: (scope: Map<string, unknown>) => evaluate(scope, {}, null) }
  }
  const prototype = math.FunctionAssignmentNode.prototype
  const original = prototype._compile
  prototype._compile = function (this: Tree, table: unknown, argNames: object) {
    const body: Tree = this.expr
    const countedBody = Object.create(body, {
      _compile: {
        value: (within: unknown, names: object) => counted(body, body._compile(within, names)),
      },
    })
    const define: Evaluate = original.call(
      Object.create(this, { expr: { value: countedBody } }),
      table,
      argNames,
    )
    return ((scope, args, context) => {
      meter.spend(DEFINITION_STEPS)
      return define(scope, args, context)
    }) satisfies Evaluate
  }
}

/** Writing outside a matrix makes it grow: to a size that is checked first. */
function patchMatrices(math: Instance, meter: Meter) {
  for (const { prototype } of [math.DenseMatrix, math.SparseMatrix]) {
    const original = prototype.subset
    prototype.subset = function (this: { _size: number[] }, ...args: unknown[]) {
      if (args.length > 1) meter.spend(shapeCost(meter, sizeToHold(this._size, args[0])))
      return original.apply(this, args)
    }
  }
}

function sizeToHold(size: readonly number[], index: unknown): number[] {
  const dimensions = (index as { _dimensions?: unknown[] })?._dimensions ?? []
  return Array.from({ length: Math.max(size.length, dimensions.length) }, (_, place) =>
    Math.max(size[place] ?? 1, reachOf(dimensions[place]) + 1),
  )
}

function reachOf(dimension: unknown): number {
  if (!isMatrix(dimension) && typeof dimension === 'object' && dimension !== null) {
    const { start, step } = dimension as { start?: number; step?: number }
    if (typeof start === 'number') {
      return Math.max(start, start + (lengthOf(dimension) - 1) * (step ?? 1))
    }
  }
  let reach = 0
  eachNumber(dimension, (number) => (reach = Math.max(reach, number)))
  return reach
}
