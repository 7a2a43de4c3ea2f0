// What the page figures by itself, without a browser: formulas, sentences, bars, rows, forms.

import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { parseAsWritten } from '../../master/dashboard/api.js'
import { matterOf } from '../../master/dashboard/banner.js'
import { addBars, createBars, dropOldBars, keysOf } from '../../master/dashboard/bars.js'
import * as page from '../../master/dashboard/closed-forms.js'
import { length, plainly } from '../../master/dashboard/format.js'
import { typedOf, valueTyped } from '../../master/dashboard/views/form-values.js'
import { layoutOf, segmentsOf, slaveAt } from '../../master/dashboard/views/stream-layout.js'
import { paragraphsOf } from '../../master/dashboard/views/words-split.js'
import { ordinal } from '../../shared/protocol/trail.js'
import { erlangB, orderedLoads } from '../rigs/experiments/closed-forms.ts'
import { fitAmdahl, pointsOf } from '../rigs/speedup/laws.ts'

test('knows the same closed forms as the experiments', async (t) => {
  for (const [c, a] of [
    [1, 0.5],
    [4, 2],
    [100, 90],
  ] as const) {
    t.equal(page.erlangB(c, a), erlangB(c, a))
    t.same(page.orderedLoads(c, a), orderedLoads(c, a))
  }
  const loads = orderedLoads(4, 2)
  const [first, second] = page.slaveLoads([1, 3], 2)
  t.equal(first, loads[0])
  t.ok(Math.abs(second! - (loads[1]! + loads[2]! + loads[3]!) / 3) < 1e-12)
})

test('draws the same speed-up as npm run speedup prints', async (t) => {
  const runs = [
    { slaves: 1, ms: [1000, 1010, 990] },
    { slaves: 2, ms: [540, 560, 550] },
    { slaves: 4, ms: [330, 320, 340] },
  ]
  const wanted = pointsOf(runs)
  const got = page.pointsOf(runs)
  t.same(
    got,
    wanted.map(({ slaves, median, speedup, karpFlatt }) => ({
      slaves,
      median,
      speedup,
      karpFlatt,
    })),
  )
  t.equal(page.fitAmdahl(got), fitAmdahl(wanted)?.serial)
  t.equal(page.fitAmdahl(got.slice(0, 2)), null, 'two points fix the law whatever it is worth')
  t.same(page.pointsOf(runs.slice(1)), [], 'nothing without one slave')
})

const bar = (task: string, more: object = {}) => ({
  task,
  kind: 'sleep',
  slave: 'a',
  row: 0,
  createdAt: 0,
  askedAt: 5,
  startedAt: 6,
  endedAt: null,
  status: 'in progress',
  tries: 1,
  ...more,
})

test('keeps a bar for each attempt, and lets what waited go to its slave', async (t) => {
  const bars = createBars()
  addBars(bars, [bar('x', { slave: null, row: null, tries: 0, status: 'pending' })])
  t.equal(keysOf(bars, null).size, 1)
  addBars(bars, [bar('x')])
  t.equal(keysOf(bars, null).size, 0, 'it waits no more')
  addBars(bars, [bar('x', { lost: true, endedAt: 50 }), bar('x', { slave: 'b', tries: 2 })])
  t.same([...keysOf(bars, 'a')], ['x#1'])
  t.same([...keysOf(bars, 'b')], ['x#2'])
  dropOldBars(bars, 51)
  t.same([...bars.byKey.keys()], ['x#2'], 'what ended long ago is dropped')
})

test('keeps no more bars than it may', async (t) => {
  const bars = createBars()
  addBars(
    bars,
    Array.from({ length: 12_010 }, (_, i) => bar(`t${i}`, { endedAt: i < 5 ? null : 9 })),
  )
  t.equal(bars.byKey.size, 12_000)
  t.equal(bars.dropped, 10)
  t.ok(bars.byKey.has('t4#1'), 'what has not ended stays')
  t.notOk(bars.byKey.has('t14#1'), 'of the others the oldest go first')
  t.ok(bars.byKey.has('t15#1'))
})

test('cuts a bar into queue, ask, run and callback', async (t) => {
  const ended = { ...bar('x'), endedAt: 100, ranMs: 80 }
  t.same(segmentsOf(ended, 200), [
    { is: 'queue', from: 0, to: 5 },
    { is: 'ask', from: 5, to: 6 },
    { is: 'run', from: 6, to: 86 },
    { is: 'callback', from: 86, to: 100 },
  ])
  t.same(segmentsOf(bar('x'), 30).at(-1), { is: 'run', from: 6, to: 30 }, 'it grows')
})

test('gives each slot a row, also of ten thousand slaves', async (t) => {
  const slave = (name: string, slots: number) => ({ name, slots }) as never
  const layout = layoutOf([slave('a', 2), slave('b', 1), slave('c', 3)])
  t.equal(layout.rows, 7)
  t.same(
    [0, 1, 2, 3, 4, 6].map((row) => slaveAt(layout, row)),
    [-1, 0, 0, 1, 2, 2],
  )
  const many = layoutOf(Array.from({ length: 10_000 }, (_, i) => slave(`s${i}`, 4)))
  t.equal(slaveAt(many, 1 + 4 * 7_777 + 3), 7_777)
})

test('reads what was typed as the schema wants it', async (t) => {
  const text = { type: 'string', maxLength: 100 }
  const lines = { type: 'array', items: { type: 'string' } }
  const mixed = { anyOf: [{ type: 'integer' }, { type: 'string' }] }
  const any = { anyOf: [{ const: 'all' }, { type: 'array' }] }
  t.equal(valueTyped(text, ' '), undefined, 'nothing')
  t.equal(valueTyped(text, '12'), '12')
  t.equal(valueTyped({ type: 'integer' }, '12'), 12)
  t.equal(valueTyped({ type: 'integer' }, 'twelve'), 'twelve', 'for the master to refuse in words')
  t.equal(valueTyped(mixed, '12'), 12)
  t.equal(valueTyped(mixed, '123456789012345678901'), '123456789012345678901')
  t.same(valueTyped(lines, 'a\nb\n'), ['a', 'b'])
  t.equal(valueTyped(any, 'all'), 'all')
  t.same(valueTyped(any, '["a"]'), ['a'])
  t.equal(valueTyped({ type: 'boolean' }, true), true)
  for (const [schema, value] of [
    [lines, ['a', 'b']],
    [mixed, 7],
    [text, 'x'],
    [any, ['a']],
    [{ type: 'boolean' }, true],
  ] as const) {
    t.same(valueTyped(schema, typedOf(schema, value)), value, 'there and back')
  }
})

test('divides a text into paragraphs as the kind does', async (t) => {
  t.same(paragraphsOf({ text: 'One\ntwo.\n\n  \nFour.\r\n\r\nFive' }), [
    'One\ntwo.',
    'Four.',
    'Five',
  ])
  t.same(paragraphsOf({ paragraphs: ['a', ''] }), ['a', ''])
})

test('names characters that are not to be seen, and leaves the others', async (t) => {
  t.equal(plainly('a\u202Eb\u0000\u200F'), 'a⟨U+202E⟩b⟨U+0000⟩⟨U+200F⟩')
  const fine = 'tab\tline\r\nשלום 👩‍🚀 <b>'
  t.equal(plainly(fine), fine)
})

test('writes lengths of time and ordinals as people do', async (t) => {
  t.same(
    [0.25, 4.26, 312.4, 2_345, 61_000, 600_000, 9e9].map((ms) => length(ms)),
    ['0.25 ms', '4.3 ms', '312 ms', '2.3 s', '61 s', '10 min', '104 days'],
  )
  t.same([1, 2, 3, 4, 11, 12, 22, 113].map(ordinal), [
    '1st',
    '2nd',
    '3rd',
    '4th',
    '11th',
    '12th',
    '22nd',
    '113th',
  ])
})

test('names in its first file all modules that it needs, so that they come at once', async (t) => {
  const folder = new URL('../../master/dashboard/', import.meta.url)
  const html = readFileSync(new URL('index.html', folder), 'utf8')
  const named = [...html.matchAll(/rel="modulepreload" href="\/page\/(?!lib\/)(.+?)"/g)]
  const modules = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.js') && path !== 'main.js')
  t.same(
    named.map(([, path]) => path),
    modules.toSorted(),
  )
  t.notMatch(html, /<script(?! type="module" src=)|style=|\son\w+=/, 'nothing inline')
})

test('shows a green banner only when a slot can be offered and nothing waits or was refused', async (t) => {
  const verdict = {
    slots: { total: 4, free: 2 },
    running: 2,
    waiting: 0,
    refusedLastMinute: 0,
    slaves: { registered: 2, alive: 2, suspect: 0 },
  }
  const bannerOf = (changed: object) => {
    const live = { link: 'live', master: { accepting: true }, refusal: null }
    return matterOf({ ...live, verdict: { ...verdict, ...changed } } as never)
  }
  t.match(bannerOf({}), { tone: 'good', words: 'Slots are free.' })
  t.match(bannerOf({ waiting: 49 }), { tone: 'warn', more: /49 tasks wait for a slave/ })
  t.match(bannerOf({ waiting: 1 }), { tone: 'warn', more: /1 task waits/ })
  t.match(bannerOf({ refusedLastMinute: 9 }), { tone: 'warn', more: /9 refused/ })
  t.match(bannerOf({ slots: { total: 4, free: 0 }, waiting: 49 }), { tone: 'full' })
})

test('numbers are shown as they were written', async (t) => {
  const text = '{"result":[-0.0,1.10,1e400,12345678901234567890],"ms":1.5,"n":1e+21}'
  t.equal(JSON.stringify(parseAsWritten(text)), text)
  t.same(parseAsWritten('{"ms":1.5,"tries":1}'), { ms: 1.5, tries: 1 })
})
