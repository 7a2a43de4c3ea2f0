// Expected values are those of GNU parallel 20221122 (test/rigs/run-files compares them with the program).

import t from 'tap'
import { expand, expandOne, wordOf } from '../../../../master/cli/run/replacement.ts'
import { REPLACEMENTS } from './parallel-table.ts'

t.test('replaces as GNU parallel does', async (t) => {
  for (const [input, ...expected] of REPLACEMENTS) {
    const got = ['{}', '{.}', '{/}', '{//}', '{/.}'].map((each) =>
      expandOne(wordOf(each, 1), [input], 1),
    )
    t.same(got, expected, input)
  }
})

t.test('replaces within a word, several times, and by number', async (t) => {
  const one = (word: string): string[] => expand(wordOf(word, 1), ['in/a.wav'], 7)
  t.same(one('{/.}-{#}.flac'), ['a-7.flac'])
  t.same(one('{}{}'), ['in/a.wavin/a.wav'])
  t.same(one('{1/}'), ['a.wav'])
  for (const literal of ['{', '{}}'.slice(2), '{a}', '{..}', '{##}', '$x', '*', '{0}', '{-1}']) {
    t.same(one(literal), [literal])
    t.equal(wordOf(literal, 1).replaces, false)
  }
  t.equal(wordOf('a{#}', 1).replaces, true)
})

t.test('gives a word for each source, as a shell would see it', async (t) => {
  const words = (word: string): string[] => expand(wordOf(word, 2), ['a.x', 'b c'], 1)
  t.same(words('{}'), ['a.x', 'b c'])
  t.same(words('<{}>'), ['<a.x', 'b c>'])
  t.same(words('{1.}-{2}'), ['a-b c'])
  t.equal(expandOne(wordOf('{}', 2), ['a.x', 'b c'], 1), 'a.x b c')
})

t.test('keeps an empty input as an empty word', async (t) => {
  t.same(expand(wordOf('{}', 1), [''], 1), [''])
  t.same(expand(wordOf('', 1), ['a'], 1), [''])
})

t.test('refuses what has no meaning here, by name', async (t) => {
  const refused = (message: string) => ({ name: 'UsageError', message })
  t.throws(() => wordOf('x{%}', 1), refused('askfirst run has no replacement string {%}'))
  t.throws(() => wordOf('{= s/a/b/ =}', 1), refused('no replacement string {='))
  t.throws(() => wordOf('{3.}', 2), refused('{3.} names input source 3, and there are 2'))
})
