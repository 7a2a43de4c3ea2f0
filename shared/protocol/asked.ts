// Members of problems that say more than words: who was asked about a task, and what is wrong with a field.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { Name } from './wire.ts'
import { words } from './words.ts'

/** What one slave answered to the offer of a task. */
export const Asked = Type.Object(
  {
    slave: Type.Optional(Name),
    answer: words(['available', 'not available', 'no answer']),
    reason: Type.String({ description: 'as the slave states it' }),
    /** Until the answer arrived. */
    ms: Type.Optional(Type.Number({ minimum: 0, description: 'milliseconds' })),
    /** The age of the earlier answer that the master reused, in milliseconds. */
    knownMs: Type.Optional(
      Type.Number({
        minimum: 0,
        description: 'not asked: age of the earlier answer that the master reused, in milliseconds',
      }),
    ),
  },
  { additionalProperties: false },
)
export type Asked = Static<typeof Asked>

/** A field of a request, and the rule that it breaks. */
export const Mistake = Type.Object(
  { field: Type.String(), rule: Type.String() },
  { additionalProperties: false },
)
export type Mistake = Static<typeof Mistake>
