// Cuts a group, which is in the order of the result, at given places, so that each part of sort can
// fetch what stands between two of them.

import { join } from 'node:path'
import type { Work } from '../kind.ts'
import type { ExchangeInput, ExchangeOutput, Place } from './inputs.ts'
import type { Record } from './records.ts'
import { createRecordReader, putRecord } from './records.ts'
import { compareWords } from './words.ts'
import type { Writer } from './writer.ts'
import { createWriter } from './writer.ts'

type Cut = { frequency: number; word: Buffer }

/** Of each file `g<n>` writes what stands before cut k, and not before an earlier one, to `s<k>.<n>`. */
export function exchangeFiles({ cuts }: ExchangeInput, work: Work): ExchangeOutput {
  const places = cuts.map(cutOf)
  let distinctWords = 0
  for (const [name, path] of Object.entries(work.files)) {
    const { record, next } = createRecordReader(path)
    let k = 0
    let writer: Writer | null = null
    while (next()) {
      while (k < places.length && !isBefore(record, places[k]!)) {
        writer?.close()
        writer = null
        k++
      }
      writer ??= createWriter(join(work.out, `s${k}.${name.slice(1)}`))
      putRecord(writer, record.count, record.text, record.from, record.to)
      distinctWords++
    }
    writer?.close()
  }
  return { distinctWords }
}

const cutOf = ({ frequency, word }: Place): Cut => ({
  frequency,
  word: Buffer.from(word, 'base64'),
})

function isBefore({ count, text, from, to }: Record, { frequency, word }: Cut): boolean {
  if (count !== frequency) return count > frequency
  return compareWords(text, from, to, word, 0, word.length) < 0
}
