// Text to count words in: small, from a seed, and as unlike prose as can be.

import type { Random } from '../../../../shared/data/random.ts'

/** A file of random words, by a random recipe. */
export function randomFile(random: Random): Buffer {
  const recipe = random.integer(6)
  const words = 1 + random.integer(200)
  const pieces: Buffer[] = []
  for (let i = 0; i < words; i++) pieces.push(randomWord(random, recipe), randomGap(random, recipe))
  if (random.integer(2) === 0) pieces.pop()
  if (random.integer(3) === 0) pieces.unshift(randomGap(random, recipe))
  return Buffer.concat(pieces)
}

function randomWord(random: Random, recipe: number): Buffer {
  // A few words often, many seldom: as in texts.
  const rank = Math.floor(1 / (random.next() + 0.001))
  if (recipe === 0) return Buffer.from(`w${rank}`)
  if (recipe === 1)
    return Buffer.from(['ü', '水', 'ß', '🦆', 'ﬁ'][rank % 5]!.repeat(1 + (rank % 4)))
  if (recipe === 2) return Buffer.alloc(1 + random.integer(20), 'x')
  if (recipe === 3) return Buffer.from('same')
  if (recipe === 4) return Buffer.concat([Buffer.alloc(300, 'p'), Buffer.from(String(rank))])
  return anyBytes(random, 1 + random.integer(9))
}

const SPACES = [' ', '\n', '\t', '\v', '\f', '\r', '\r\n', ' \n \n']

const randomGap = (random: Random, recipe: number): Buffer =>
  Buffer.from(recipe === 2 ? ' ' : SPACES[random.integer(SPACES.length)]!)

/** Any bytes but white space: NUL, control characters, what is not UTF-8. */
function anyBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) {
    const byte = random.integer(4) === 0 ? 0 : random.integer(256)
    bytes[i] = byte === 32 || (byte >= 9 && byte <= 13) ? 0x85 : byte
  }
  return bytes
}
