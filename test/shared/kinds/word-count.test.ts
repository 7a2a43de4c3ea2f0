// What a word is, and how a text is divided into paragraphs.

import t from 'tap'
import { paragraphsOf as paragraphsOnThePage } from '../../../master/dashboard/views/words-split.js'
import { job, kind, PART_CHARS_MAX } from '../../../shared/kinds/word-count.ts'

const count = (text: string) =>
  (kind.run({ text }, {} as never) as { result: { words: number } }).result.words
const partsOf = (text: string) =>
  (job.stages[0]!.parts({ input: { text } } as never) as { input: { text: string } }[]).map(
    (part) => part.input.text,
  )

t.test('a word is a segment that holds a letter or a numeral', async (t) => {
  const WORDS: [text: string, words: number][] = [
    ['____', 0],
    ['a_b', 1],
    ['a\u200d\u{1f600}', 1],
    ['\u{1f600}', 0],
    ["don't", 1],
    ['3.14', 1],
    ['well-known', 2],
    ['...', 0],
    ['\u0301', 0],
    ['日本語', 1],
    ['١٢٣', 1],
    ['½', 1],
    ['', 0],
  ]
  for (const [text, words] of WORDS) t.equal(count(text), words, JSON.stringify(text))
})

const TEXTS: [text: string, paragraphs: string[]][] = [
  ['', []],
  ['one', ['one']],
  ['one\ntwo', ['one\ntwo']],
  ['one\n\ntwo', ['one', 'two']],
  ['one\r\ntwo\r\n\r\nthree\r\n', ['one\r\ntwo', 'three']],
  ['\n \t\n\none\n \ntwo\n\n', ['one', 'two']],
  ['one\n\u00a0\ntwo', ['one\n\u00a0\ntwo']],
]

t.test('blank lines divide a text into paragraphs, on the page as in the kind', async (t) => {
  for (const [text, paragraphs] of TEXTS) {
    t.same(partsOf(text), paragraphs, JSON.stringify(text))
    t.same(paragraphsOnThePage({ text }), paragraphs, `${JSON.stringify(text)} on the page`)
  }
})

t.test('seven million line feeds are counted, and too many paragraphs are refused', async (t) => {
  const feeds = '\n'.repeat(7_000_000)
  t.same(job.mistakes?.({ text: feeds }), [])
  t.same(partsOf(`one${feeds}two`), ['one', 'two'])
  t.match(job.mistakes?.({ text: 'a\n\n'.repeat(1_000_000) }), [
    { rule: /at most 10000 paragraphs/ },
  ])
})

t.test('a long paragraph is counted in parts that together have as many words', async (t) => {
  const most = PART_CHARS_MAX
  const long = "Don't panic: it's 3.14 日本語。 ".repeat(most / 20)
  const paragraphs = ['one two', long, '', `${'x'.repeat(most - 1)} y`, 'end']
  const parts = job.stages[0]!.parts({ input: { paragraphs } } as never) as {
    input: { text: string }
  }[]
  const texts = parts.map(({ input }) => input.text)
  t.ok(parts.length > paragraphs.length, `${parts.length} parts`)
  t.ok(texts.every((text) => text.length <= most))
  t.equal(texts.join(''), paragraphs.join(''))
  const done = [texts.map((text) => ({ result: { words: count(text) } }))]
  const { result } = job.combine({ input: { paragraphs }, done } as never) as {
    result: { total: number; perParagraph: number[] }
  }
  t.same(result.perParagraph, paragraphs.map(count))
})

t.test('a paragraph that cannot be cut is refused, with the number', async (t) => {
  const text = `one\n\n${'x'.repeat(PART_CHARS_MAX + 1)}`
  t.match(job.mistakes?.({ text }), [
    { field: 'input.text', rule: /has 500000 characters without a space .* in paragraph 2/ },
  ])
  t.same(job.mistakes?.({ text: text.slice(0, -1) }), [])
})
