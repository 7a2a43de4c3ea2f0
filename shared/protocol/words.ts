// A closed set of words, as a type and as a schema.

import { Type } from 'typebox'

export const words = <const W extends readonly string[]>(list: W) =>
  Type.Unsafe<W[number]>(Type.Union(list.map((word) => Type.Literal(word))))
