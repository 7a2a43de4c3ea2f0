// Deterministic fuel: counts the steps of one evaluation and the levels of calls, never time, so
// that every slave refuses the same. Once it has failed it stays failed until the next start:
// mathjs may catch what we throw, the verdict stands.
//
//   start -> spend, enter, leave ... -> failure? (the first one)

import { TaskFailure } from '../kind.ts'
import { LIMITS } from './limits.ts'

export function createMeter() {
  let left = 0
  let depth = 0
  let failure: TaskFailure | undefined

  function fail(message: string): never {
    failure ??= new TaskFailure('evaluation', message)
    left = -1
    throw failure
  }

  return {
    /** Fills it up for the next evaluation. */
    start() {
      left = LIMITS.stepsMax
      depth = 0
      failure = undefined
    },
    /** Takes so many steps; fails when there are not so many left, or when it is no number. */
    spend(steps: number) {
      left -= steps
      if (!(left >= 0)) fail(`the expression needs more than ${LIMITS.stepsMax} steps`)
    },
    /** One call deeper, into a body of so many levels and nodes. */
    enter(levels: number, nodes: number) {
      depth += levels
      if (depth > LIMITS.callDepthMax) fail('functions call each other too deeply')
      left -= nodes
      if (!(left >= 0)) fail(`the expression needs more than ${LIMITS.stepsMax} steps`)
    },
    leave(levels: number) {
      depth -= levels
    },
    /** How many steps are left. */
    left: () => left,
    /** Ends the evaluation for another limit than steps. */
    fail,
    failure: () => failure,
  }
}
export type Meter = ReturnType<typeof createMeter>

/** The steps of a call by its arguments; `size` is what they measure together (size.ts). */
export type Cost = (args: readonly unknown[], size: number) => number
