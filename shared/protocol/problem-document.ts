// The document of a problem (RFC 9457), as every error is sent.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { Asked, Mistake } from './asked.ts'
import type { ProblemType } from './problems.ts'
import { PROBLEMS } from './problems.ts'
import { words } from './words.ts'

/** The document of a problem. Other members may follow in later versions. */
export const ProblemDocument = Type.Object(
  {
    type: Type.Unsafe<ProblemType>(words(Object.keys(PROBLEMS))),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    /** Of a refusal: who was asked, and what each answered. */
    asked: Type.Optional(Type.Array(Asked)),
    /** Of an invalid request: which field breaks which rule. */
    errors: Type.Optional(Type.Array(Mistake)),
  },
  { description: 'A problem (RFC 9457).' },
)
export type ProblemDocument = Static<typeof ProblemDocument>
