// A wrong version: a small mistake of the kind that people make, as a change to one function, and the
// test that must fail with it.

import type { Change } from '../source/change.ts'

export type WrongVersion = Change & {
  name: string
  /** What the wrong version does. */
  says: string
  /** The test at its layer, with arguments if it takes some: what `node` is given. */
  caughtBy: string
}
