// What the parts are asked and what they give, as schemas: what a slave in another language must
// understand. The files they exchange are in records.ts, the hash in words.ts.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { FILES_MAX } from './folder.ts'

const strict = { additionalProperties: false }
const Whole = Type.Integer({ minimum: 0 })
export const FileName = Type.String({ minLength: 1, maxLength: 1024 })

/** Words are divided into so many groups at most. */
export const GROUPS_MAX = 64
/** How many a result shows of the most frequent words ... */
export const TOP_MAX = 20
/** ... and how many characters of each. */
export const TOP_CHARACTERS_MAX = 100

export const ListInput = Type.Object(
  {
    files: Type.Union([
      Type.Literal('all'),
      Type.Array(FileName, { minItems: 1, maxItems: FILES_MAX }),
    ]),
  },
  strict,
)
export type ListInput = Static<typeof ListInput>
export const ListOutput = Type.Object({
  files: Type.Array(Type.Object({ name: FileName, bytes: Whole }), { maxItems: FILES_MAX }),
})
export type ListOutput = Static<typeof ListOutput>

/** What a part of count reads: bytes `from` to `to` of a file of the slaves' folder ... */
const FilePiece = Type.Object({ name: FileName, bytes: Whole, from: Whole, to: Whole }, strict)
/** ... or a file that comes with the task, whole; `name` is what people call it ... */
const BlobPiece = Type.Object(
  { file: Type.String(), name: Type.Optional(FileName), bytes: Type.Optional(Whole) },
  strict,
)
/** ... or this. */
const TextPiece = Type.Object({ text: Type.String() }, strict)
export const Piece = Type.Union([FilePiece, BlobPiece, TextPiece])
export type Piece = Static<typeof Piece>

export const CountInput = Type.Object(
  {
    groups: Type.Integer({ minimum: 1, maximum: GROUPS_MAX }),
    pieces: Type.Array(Piece, { minItems: 1 }),
  },
  strict,
)
export type CountInput = Static<typeof CountInput>
/** A file of the slaves' folder of which a part read a range, as it was then (shared/process/unchanged-file.ts). */
const Seen = Type.Object({ name: FileName, folder: Type.String(), version: Type.String() })
export type Seen = Static<typeof Seen>
export const CountOutput = Type.Object({
  bytes: Whole,
  words: Whole,
  /** Of each file that other parts read too. Slaves of the first version do not give it. */
  seen: Type.Optional(Type.Array(Seen)),
})
export type CountOutput = Static<typeof CountOutput>

/** A place in the order of the result. `word` is in base64, and need not be a whole word. */
export const Place = Type.Object({ frequency: Type.Integer({ minimum: 1 }), word: Type.String() })
export type Place = Static<typeof Place>

/** `words` distinct words stand before this place and after the mark before, in so many bytes. */
export const Mark = Type.Object({ ...Place.properties, words: Whole, bytes: Whole })
export type Mark = Static<typeof Mark>

export const GroupInput = Type.Object({}, strict)
/** The distribution of a group's frequencies, as marks, and its totals. Bytes are those of lines. */
export const GroupOutput = Type.Object({
  words: Whole,
  distinctWords: Whole,
  bytes: Whole,
  marks: Type.Array(Mark),
})
export type GroupOutput = Static<typeof GroupOutput>

export const ExchangeInput = Type.Object(
  { cuts: Type.Array(Type.Object(Place.properties, strict)) },
  strict,
)
export type ExchangeInput = Static<typeof ExchangeInput>
export const ExchangeOutput = Type.Object({ distinctWords: Whole })
export type ExchangeOutput = Static<typeof ExchangeOutput>

/**
 * `whole`: the files are groups as they are, since the result is not cut. It makes no difference to the
 * slave; a master of another version that has cut this job finds that the part is another.
 */
export const SortInput = Type.Object({ whole: Type.Optional(Type.Literal(true)) }, strict)
export const Top = Type.Array(
  Type.Object({ word: Type.String(), count: Type.Integer({ minimum: 1 }) }),
  { maxItems: TOP_MAX },
)
export const SortOutput = Type.Object({ distinctWords: Whole, bytes: Whole, top: Top })
export type SortOutput = Static<typeof SortOutput>
