// The shapes that matrices have and will have, bounded before anything is allocated.

import { LIMITS } from './limits.ts'
import type { Meter } from './meter.ts'
import { isMatrix, shapeOf, typeName } from './size.ts'

/** A matrix of this shape is about to be made: the steps for it, or a failure. */
export function shapeCost(meter: Meter, shape: readonly number[]): number {
  if (shape.length > LIMITS.nestingMax) {
    meter.fail(`a matrix has more than ${LIMITS.nestingMax} dimensions`)
  }
  let elements = 1
  for (const length of shape) elements *= Math.max(1, Math.abs(length))
  if (elements > LIMITS.elementsMax) {
    meter.fail(`a matrix has more than ${LIMITS.elementsMax} elements`)
  }
  return Number.isNaN(elements) ? 1 : elements
}

/** What the operands broadcast to, in elements. */
export function broadcast(meter: Meter, args: readonly unknown[]): number {
  const shapes = args.map(shapeOf).filter((shape) => shape.length > 0)
  if (shapes.length < 2) return 0
  const longest = Math.max(...shapes.map((shape) => shape.length))
  const shape = Array.from({ length: longest }, (_, back) =>
    Math.max(...shapes.map((one) => one.at(-1 - back) ?? 1)),
  )
  return shapeCost(meter, shape)
}

/** Whether a value of this type is in it. */
export function holds(value: unknown, type: string): boolean {
  if (isMatrix(value)) return holds(value._data ?? value._values, type)
  if (Array.isArray(value)) return value.some((one) => holds(one, type))
  if (typeName(value) === 'Unit') return holds((value as { value: unknown }).value, type)
  return typeName(value) === type
}
