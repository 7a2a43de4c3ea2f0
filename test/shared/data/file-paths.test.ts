// The one rule for paths of the files of a task.

import t from 'tap'
import { filePathMistake, isGlob } from '../../../shared/data/file-paths.ts'

const GOOD = ['a', 'a.b', '.hidden', '...', 'a/b/c', 'photo 1.jpg', 'ü/ß', '-rf', 'a\\b', 'a\nb']
const BAD: [string, RegExp][] = [
  ['', /empty part/],
  ['/a', /absolute/],
  ['a/', /empty part/],
  ['a//b', /empty part/],
  ['.', /the part "\."/],
  ['..', /the part "\.\."/],
  ['../a', /the part "\.\."/],
  ['a/../b', /the part "\.\."/],
  ['a/./b', /the part "\."/],
  ['a\0b', /NUL/],
  ['a\ud800', /Unicode/],
  ['x'.repeat(256), /part longer than 255 bytes/],
  ['ü'.repeat(128), /part longer than 255 bytes/],
  [Array.from({ length: 600 }, () => 'x').join('/'), /longer than 1024 bytes/],
]

t.test('a relative path is good, with any characters but NUL', async (t) => {
  for (const path of [...GOOD, 'x'.repeat(255)]) t.equal(filePathMistake(path), null, path)
})

t.test('a path that leads elsewhere, or that a disk refuses, is a mistake', async (t) => {
  for (const [path, why] of BAD)
    t.match(filePathMistake(path), why, JSON.stringify(path.slice(0, 20)))
})

t.test('a pattern is told from the name of one file', async (t) => {
  for (const pattern of ['*.flac', 'a?', 'out/**', '[ab].txt']) t.ok(isGlob(pattern), pattern)
  for (const path of GOOD) t.notOk(isGlob(path), path)
})
