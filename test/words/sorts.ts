// The sorts of public strings.

/** What a string is for, in the order of the list. */
export const SORTS = [
  'problem',
  'error',
  'log',
  'command line',
  'description',
  'metric',
  'page',
  'text',
  'assertion',
] as const
export type Sort = (typeof SORTS)[number]
export type PublicString = { sort: Sort; words: string }
