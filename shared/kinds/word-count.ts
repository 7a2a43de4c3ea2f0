// Counts words. As a task: of one text. As a job: of paragraphs, one part each, and of all together.
//
// A word is what Unicode Standard Annex #29 (text segmentation) calls one: a segment between two
// word boundaries that holds a letter, a numeral, an ideograph or the like. So "don't" and "3.14"
// are one word each, "well-known" is two, punctuation and emoji are none, and text without spaces
// (Chinese, Japanese, Thai) is divided by dictionary. Runs in the root locale of ICU.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { JobKind } from './job-kind.ts'
import type { Kind } from './kind.ts'

const strict = { additionalProperties: false }
const PARAGRAPHS_MAX = 10_000
/** A longer paragraph is counted in several parts, so that each fits its limits. In UTF-16 units. */
export const PART_CHARS_MAX = 500_000

const Input = Type.Object({ text: Type.String({ description: 'the text' }) }, strict)

const Count = Type.Object({ words: Type.Integer({ minimum: 0 }) })

export const kind: Kind<Static<typeof Input>> = {
  name: 'word-count',
  summary: 'Counts the words of a text, as Unicode (UAX #29) divides it.',
  input: Input,
  output: Count,
  bare: 'words',
  run: ({ text }) => ({ result: { words: countWords(text) } }),
  examples: [
    { input: { text: "Don't panic: it's 42." }, output: { result: { words: 4 } } },
    { input: { text: ' \n ' }, output: { result: { words: 0 } } },
    { input: { text: 'Übergrößenträger, naïve café.' }, output: { result: { words: 3 } } },
  ],
}

/**
 * Not the segmenter's isWordLike: ICU sets it by the rule that ended the segment, so that "____" is
 * word-like and a letter joined to an emoji (a, U+200D, U+1F600) is not.
 */
const LETTER_OR_NUMERAL = /[\p{Alphabetic}\p{N}]/u

function countWords(text: string): number {
  let words = 0
  for (const { segment } of new Intl.Segmenter('und', { granularity: 'word' }).segment(text)) {
    if (LETTER_OR_NUMERAL.test(segment)) words++
  }
  return words
}

const JobInput = Type.Object(
  {
    paragraphs: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        maxItems: PARAGRAPHS_MAX,
        description: 'paragraphs, each counted separately',
      }),
    ),
    text: Type.Optional(
      Type.String({ description: 'instead of paragraphs: empty lines separate them' }),
    ),
  },
  strict,
)
type JobInput = Static<typeof JobInput>

/** Parts in the order of the text: one per paragraph, more of a long one. */
export const job: JobKind<JobInput> = {
  name: 'word-count',
  summary: 'Counts the words of each paragraph and of all paragraphs.',
  input: JobInput,
  output: Type.Object({
    total: Type.Integer({ minimum: 0 }),
    perParagraph: Type.Array(Type.Integer({ minimum: 0 })),
  }),
  mistakes(input) {
    if ((input.paragraphs === undefined) === (input.text === undefined)) {
      return [{ field: 'input', rule: 'must have either paragraphs or text' }]
    }
    const paragraphs = paragraphsOf(input)
    if (paragraphs.length > PARAGRAPHS_MAX) {
      return [{ field: 'input.text', rule: `must have at most ${PARAGRAPHS_MAX} paragraphs` }]
    }
    const uncut = paragraphs.findIndex((paragraph) => piecesOf(paragraph) === null)
    if (uncut < 0) return []
    const rule = `has ${PART_CHARS_MAX} characters without a space or a full stop in paragraph ${uncut + 1}: the maximum of one part`
    return [{ field: input.text === undefined ? 'input.paragraphs' : 'input.text', rule }]
  },
  needs: () => ['word-count'],
  stages: [
    {
      name: 'count',
      parts: ({ input }) =>
        paragraphsOf(input)
          .flatMap(counted)
          .map((text) => ({ kind: 'word-count', input: { text } })),
    },
  ],
  combine({ input, done }) {
    const counts = (done[0] ?? []).map(({ result }) => (result as { words: number }).words)
    let at = 0
    const perParagraph = paragraphsOf(input).map((paragraph) => {
      const own = counts.slice(at, at + counted(paragraph).length)
      at += own.length
      return own.reduce((sum, words) => sum + words, 0)
    })
    return { result: { total: perParagraph.reduce((sum, n) => sum + n, 0), perParagraph } }
  },
  examples: [
    {
      input: { paragraphs: ['One two three.', '', 'Four.'] },
      output: { total: 4, perParagraph: [3, 0, 1] },
    },
    {
      input: { text: 'One two\nthree.\n\n  \nFour.\r\n\r\nFive six' },
      output: { total: 6, perParagraph: [3, 1, 2] },
    },
  ],
}

/**
 * Before these a word ends, whatever stands around them (UAX #29: none of them joins, and no dictionary
 * looks across them). What is cut there has as many words as the whole.
 */
const ENDS = new Set([' ', '\t', '\n', '。', '、', '！', '？'].map((sign) => sign.charCodeAt(0)))

/** The pieces of a paragraph in which it is counted; null when one would be too long. */
function piecesOf(paragraph: string): string[] | null {
  const pieces: string[] = []
  let from = 0
  while (paragraph.length - from > PART_CHARS_MAX) {
    let to = from + PART_CHARS_MAX
    while (to > from && !ENDS.has(paragraph.charCodeAt(to))) to--
    if (to === from) return null
    pieces.push(paragraph.slice(from, to))
    from = to
  }
  return [...pieces, paragraph.slice(from)]
}

/** The same of a job that was taken: by an earlier version perhaps, in one piece. */
const counted = (paragraph: string): string[] => piecesOf(paragraph) ?? [paragraph]

const BLANK = /^[ \t]*\r?$/

/**
 * Blank lines divide a text into paragraphs; stops after one paragraph too many. Goes line by line:
 * a regular expression that repeats a group runs out of stack on 7,000,000 line feeds.
 */
function paragraphsOf({ paragraphs, text = '' }: JobInput): string[] {
  if (paragraphs) return paragraphs
  const found: string[] = []
  let start = 0
  let end = 0
  for (let at = 0; at <= text.length && found.length <= PARAGRAPHS_MAX; ) {
    const feed = text.indexOf('\n', at)
    const lineEnd = feed < 0 ? text.length : feed
    const isBlank = BLANK.test(text.slice(at, lineEnd))
    if (!isBlank) end = text[lineEnd - 1] === '\r' ? lineEnd - 1 : lineEnd
    if (isBlank || feed < 0) {
      const paragraph = text.slice(start, end)
      if (paragraph.trim() !== '') found.push(paragraph)
      start = lineEnd + 1
      end = start
    }
    at = lineEnd + 1
  }
  return found
}
