// Patterns of outputs, as of a shell.

import t from 'tap'
import { after, beginning, createGlob, isWhole } from '../../../slave/files/globs.ts'

function matches(pattern: string, path: string): boolean {
  const glob = createGlob(pattern)
  const end = path.split('/').reduce((soFar, name) => after(glob, soFar, name), beginning(glob))
  return isWhole(glob, end)
}

const CASES: [pattern: string, matched: string[], others: string[]][] = [
  ['*', ['a', 'a.b', '*'], ['.a', 'a/b']],
  ['*.flac', ['a.flac', 'a b.flac'], ['.flac', 'a.flac2', 'x/a.flac', 'aflac']],
  ['a?c', ['abc', 'aßc', 'a😀c'], ['ac', 'abbc', 'a/c']],
  ['?a', ['ba'], ['.a']],
  ['.*', ['.a', '.'], ['a']],
  ['[a-c]x', ['ax', 'cx'], ['dx', 'x', 'a-x']],
  ['[!a-c]x', ['dx', '-x'], ['ax', 'x']],
  ['[^a]x', ['bx'], ['ax']],
  ['[]]x', [']x'], ['x']],
  ['[!]]x', ['ax'], [']x']],
  ['[a-]x', ['-x', 'ax'], ['bx']],
  ['[*]x', ['*x'], ['ax']],
  ['[ax', ['[ax'], ['ax', 'x']],
  ['{a,b}', ['{a,b}'], ['a']],
  ['**', ['a', 'a/b', 'a/b/c.d'], ['.a', 'a/.b/c', 'a/.b']],
  ['**/*.txt', ['a.txt', 'a/b.txt', 'a/b/c.txt'], ['a.txt/b', '.a/b.txt']],
  ['a/**', ['a/b', 'a/b/c'], ['a', 'b/a', 'ab/c']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a/xb', 'b', 'a/b/c']],
  ['a/*/c', ['a/b/c'], ['a/c', 'a/b/b/c']],
  ['a*b*c', ['abc', 'axbxbxc'], ['acb', 'ab']],
  ['x**y', ['xy', 'xay'], ['x/y']],
]

for (const [pattern, matched, others] of CASES) {
  t.test(`"${pattern}" matches what a shell says`, async (t) => {
    for (const path of matched) t.ok(matches(pattern, path), path)
    for (const path of others) t.notOk(matches(pattern, path), path)
  })
}

t.test('no pattern takes long', async (t) => {
  const before = process.cpuUsage()
  t.notOk(matches(`${'*a'.repeat(500)}b`, 'a'.repeat(255)))
  t.notOk(matches(`${'**/'.repeat(300)}b`, 'a/'.repeat(500)))
  const { user, system } = process.cpuUsage(before)
  t.ok(user + system < 5_000_000, `${(user + system) / 1000} ms`)
})
