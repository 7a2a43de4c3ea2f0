// The body by which a client submits a job.

import type { Static, TSchema } from 'typebox'
import { Type } from 'typebox'
import { PARTS_MAX } from '../../kinds/job-kind.ts'
import type { Loaded } from '../contract.ts'
import { Name } from '../wire.ts'
import { PRIORITY, STRICT, TAGS, Tag } from './fields.ts'

/** A job of any kind. */
export const NamedJob = Type.Object(
  {
    kind: Name,
    input: Type.Unknown(),
    parts: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: PARTS_MAX,
        description: 'number of parts; chosen by the kind when not given',
      }),
    ),
    priority: Type.Optional(Type.Integer(PRIORITY)),
    runLimitMs: Type.Optional(
      Type.Integer({ minimum: 1, description: 'run limit of one part, in milliseconds' }),
    ),
    tags: Type.Optional(Type.Array(Tag, TAGS)),
  },
  STRICT,
)
export type NamedJob = Static<typeof NamedJob>

/** All bodies of `POST /jobs`, for readers: the handler checks the input by its kind. */
export const jobBody = ({ jobKinds }: Loaded): TSchema =>
  Type.Union<TSchema[]>(
    jobKinds.map(({ name, summary, input }) =>
      Type.Object(
        { ...NamedJob.properties, kind: Type.Literal(name), input },
        { ...STRICT, description: summary },
      ),
    ),
  )

/** Bodies that need no upload. */
export const jobExamples = (): Record<string, unknown> => ({
  'word-count': { kind: 'word-count', input: { text: 'Ask first.\n\nThe first has it.' } },
  'range-sum': {
    kind: 'range-sum',
    input: { expression: '1 / (n (n + 1))', from: 1, to: 99 },
    parts: 3,
  },
})
