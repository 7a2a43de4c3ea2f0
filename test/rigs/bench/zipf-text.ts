// A text of words whose frequencies follow Zipf's law, the same bytes for the same seed: frequent words
// are short, some begin with a capital letter or end with a comma or full stop, lines have twelve words.

import { closeSync, openSync, writeSync } from 'node:fs'
import { createRandom } from '../../../shared/data/random.ts'

const WORDS = 100_000
const LETTERS = 'etaoinshrdlucmfwypvbgkjqxz'
const BLOCK_CHARS = 2 ** 20
const LINE_WORDS = 12

/** Writes so many bytes of it to a file. */
export function writeZipfText(path: string, bytes: number, seed = 1): void {
  const { next } = createRandom(seed)
  const words = vocabulary(next)
  const pick = zipfPicker(words.length, next)
  const file = openSync(path, 'w')
  let left = bytes
  let inLine = 0
  while (left > 0) {
    let text = ''
    while (text.length < BLOCK_CHARS) {
      const word = words[pick()]!
      const chance = next()
      text += chance < 0.08 ? word[0]!.toUpperCase() + word.slice(1) : word
      inLine = (inLine + 1) % LINE_WORDS
      if (inLine === 0) text += chance < 0.5 ? '.\n' : ',\n'
      else text += chance > 0.93 ? ', ' : ' '
    }
    const block = text.length < left ? text : `${text.slice(0, left - 1)}\n`
    writeSync(file, block, null, 'latin1')
    left -= block.length
  }
  closeSync(file)
}

function vocabulary(next: () => number): string[] {
  const words = new Set<string>()
  while (words.size < WORDS) {
    const length = 2 + Math.floor(Math.log2(words.size + 2) / 3 + next() * 5)
    let word = ''
    for (let i = 0; i < length; i++) word += LETTERS[Math.floor(next() * next() * LETTERS.length)]
    words.add(word)
  }
  return [...words]
}

/** Rank i with a probability in proportion to 1 / (i + 1). */
function zipfPicker(ranks: number, next: () => number): () => number {
  const upTo = new Float64Array(ranks)
  let sum = 0
  for (let i = 0; i < ranks; i++) upTo[i] = sum += 1 / (i + 1)
  return () => {
    const wanted = next() * sum
    let [low, high] = [0, ranks - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (upTo[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}
