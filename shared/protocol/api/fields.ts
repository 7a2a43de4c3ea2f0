// Fields that several messages of the client API have.

import type { TSchema } from 'typebox'
import { Type } from 'typebox'
import { ANY_UUID_PATTERN, UUID_PATTERN } from '../patterns.ts'
import type { FailureType } from '../wire.ts'
import { Failed, OutputFile } from '../wire.ts'

/** Unknown fields are refused. */
export const STRICT = { additionalProperties: false } as const

export const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])

export const Id = Type.String({ pattern: UUID_PATTERN, wanted: 'an id: a lower-case UUID' })
export const Time = Type.String({ format: 'date-time' })
export const Ms = Type.Number({ minimum: 0, description: 'milliseconds' })
export const TraceId = Type.String({
  pattern: '^[0-9a-f]{32}$',
  wanted: '32 lower-case hexadecimal digits',
  description: 'of W3C Trace Context',
})

/** The parameter of an address: the id of a task or job, case-insensitive (RFC 9562, section 4). */
export const IdParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })

/** The same: the name of a slave. */
export const NameParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) })

/** Where a page of a list begins, and how many items it has. */
export const PAGE = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  cursor: Type.Optional(
    Type.String({
      pattern: ANY_UUID_PATTERN,
      wanted: 'the value of "next" of the previous page',
    }),
  ),
}

export const DryRunQuery = Type.Object(
  {
    'dry-run': Type.Optional(
      Type.String({ description: 'report what would happen and do nothing; "false" turns it off' }),
    ),
  },
  STRICT,
)

/** Bounds of the options of tasks and jobs. */
export const PRIORITY = { minimum: -100, maximum: 100 } as const
export const TAGS = { maxItems: 16 } as const
export const Tag = Type.String({ minLength: 1, maxLength: 64 })

const Failure = Type.Object({
  type: Type.Unsafe<FailureType>(Type.String()),
  message: Type.String(),
  /** Of a program: with `exit-code`. */
  exitCode: Failed.properties.exitCode,
  signal: Failed.properties.signal,
})
/** How a task or job ended. `result` is raw JSON: replies carry it byte for byte as it was submitted. */
export const OUTCOME = {
  result: Type.Optional(Type.Unknown()),
  resultType: Type.Optional(Type.String()),
  resultText: Type.Optional(Type.String()),
  /** What its run left. */
  files: Type.Optional(Type.Array(OutputFile)),
  failure: Type.Optional(Failure),
}
