// mathjs draws from Math.random inside a few functions that are not about chance: eigs starts its
// vectors there, median and quantileSeq their pivots. Here each evaluation gets the same numbers,
// so that every slave gives the same eigenvectors to the last digit.

import type { Random } from '../../data/random.ts'
import { createRandom } from '../../data/random.ts'

const SEED = 1

/** Runs something synchronous with Math.random starting over, and puts Math.random back. */
export function withSameChance<Value>(run: () => Value): Value {
  const { random } = Math
  let chance: Random | undefined
  Math.random = () => {
    chance ??= createRandom(SEED)
    return chance.next()
  }
  try {
    return run()
  } finally {
    Math.random = random
  }
}
