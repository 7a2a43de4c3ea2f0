// A file that is rewritten at the same size while a job reads it: no mixture of two versions.

import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createRandom } from '../../../../shared/data/random.ts'
import type { Kind, Work } from '../../../../shared/kinds/kind.ts'
import { countPieces } from '../../../../shared/kinds/word-frequency/count.ts'
import type { CountInput, Piece } from '../../../../shared/kinds/word-frequency/inputs.ts'
import { changedFile } from '../../../../shared/kinds/word-frequency/plan.ts'
import { age, rewrite } from '../../rewrite.ts'
import { countWords, folderOf, kindsByName } from './runs.ts'

const TEXT = 'one two '.repeat(100)
const CHANGED = { type: 'file-changed', message: /a\.txt changed while it was read/ }

t.test('a range of a file that changed before its last byte was read is not counted', async (t) => {
  const shared = folderOf(t, { 'a.txt': TEXT })
  const out = join(shared, '.out')
  mkdirSync(out)
  age(join(shared, 'a.txt'))
  const whole = { name: 'a.txt', bytes: TEXT.length, to: TEXT.length }
  // Where the range begins is looked up when the file is open already.
  const piece = {
    ...whole,
    get from() {
      rewrite(join(shared, 'a.txt'))
      return 0
    },
  }
  const work: Work = { files: { b0: join(shared, 'a.txt') }, out, shared }
  const count = (pieces: Piece[]) => countPieces({ pieces, groups: 1 }, work)
  t.throws(() => count([piece]), CHANGED)
  t.match(count([{ ...whole, from: 0 }]), { words: 200 })
  t.throws(() => count([{ ...whole, from: 0, bytes: 5 }]), {
    type: 'file-changed',
    message: /has 800 bytes, and had 5 when the job started/,
  })
})

t.test('parts that read two versions of one file end the job', async (t) => {
  const shared = folderOf(t, { 'a.txt': TEXT })
  age(join(shared, 'a.txt'))
  let counted = 0
  const count = kindsByName.get('word-frequency.count') as unknown as Kind<CountInput>
  const changing: Kind<CountInput> = {
    ...count,
    run(input, work) {
      const result = count.run(input, work)
      if (++counted === 1) rewrite(join(shared, 'a.txt'))
      return result
    },
  }
  const input = { files: ['a.txt'], chunkBytes: 200 }
  const run = (kind: Kind<CountInput>) => {
    counted = 0
    const replaced = [kind as unknown as Kind]
    return countWords({ input, shared, random: createRandom(1), replaced })
  }
  await t.rejects(run(changing), CHANGED)
  t.equal(counted, 4)
  t.match(await run(count), { result: { words: 200, distinctWords: 2 } }, 'and then it rests')
})

t.test('slaves with a copy of the folder each may have read files of different ages', async (t) => {
  const shared = folderOf(t, { 'a.txt': TEXT })
  const copy = folderOf(t)
  cpSync(shared, copy, { recursive: true })
  age(join(copy, 'a.txt'))
  const out = folderOf(t)
  const seenIn = (folder: string) => {
    const piece = { name: 'a.txt', bytes: TEXT.length, from: 0, to: 4 }
    return countPieces({ pieces: [piece], groups: 1 }, { files: {}, out, shared: folder })
  }
  const seen = [seenIn(shared), seenIn(copy), seenIn(shared), { bytes: 4, words: 1 }]
  t.equal(changedFile(seen), null)
  rewrite(join(copy, 'a.txt'))
  t.equal(changedFile([...seen, seenIn(copy)]), 'a.txt')
})
