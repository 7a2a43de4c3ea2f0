// A planted bug: a small wrong version of the protocol, as a change to one function.

import type { Change } from '../../source/change.ts'

export type Bug = Change & {
  name: string
  /** What the wrong version does. */
  says: string
  /** It is so rare that these worlds, in which it once showed, are run first. */
  shownBy?: number[]
  /** Why no world can break by it: it costs only time or work that is done again. */
  harmless?: string
}
