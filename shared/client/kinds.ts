// The kinds that come with askfirst, as types: what each takes and gives. An application adds its
// own by declaration merging:
//
//   declare module 'askfirst/client' {
//     interface TaskKinds { invoice: { input: { customer: string }; result: { total: number } } }
//   }

import type { CommandInput, CommandResult } from '../kinds/command.ts'

/** A value as an expression gives it: JSON, with mathjs's own forms where JSON has none. */
export type Value = unknown

type Numbers = 'number' | 'BigNumber' | 'bigint' | 'Fraction'
type RangeSum = {
  expression: string
  from: number | string
  to: number | string
  numbers?: 'exact' | 'number'
}

/** `secretEnv`: variables beside `env` that are never shown again. */
type Command = CommandInput & { secretEnv?: Record<string, string> }

export interface TaskKinds {
  expression: {
    input: { expression: string; scope?: Record<string, unknown>; number?: Numbers }
    result: Value
  }
  sleep: { input: { ms: number }; result: { sleptMs: number } }
  'word-count': { input: { text: string }; result: { words: number } }
  'range-sum': { input: RangeSum; result: { n: string; d: string } }
  command: { input: Command; result: CommandResult }
}

export interface JobKinds {
  'word-count': {
    input: { text: string } | { paragraphs: string[] }
    result: { total: number; perParagraph: number[] }
  }
  'range-sum': { input: RangeSum; result: Value }
  'word-frequency': {
    input: ({ files: 'all' | string[] } | { blobs: NamedBlob[] } | { text: string }) & {
      chunkBytes?: number
    }
    result: unknown
  }
  'image-filter': {
    input: { image: string; format?: 'png' | 'jpeg' | 'webp'; quality?: number } & (
      | { filter: string }
      | { filters: string[] }
    )
    result: { width: number; height: number; format: string; bytes: number; filters: string[] }
  }
}

type NamedBlob = { sha256: string; name?: string; bytes?: number }
