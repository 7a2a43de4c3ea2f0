import t from 'tap'
import { ambiguityOf, scanJson } from '../../../shared/data/json-text.ts'
import { nearest } from '../../../shared/data/nearest-name.ts'
import { createRandom } from '../../../shared/data/random.ts'

const mistakeIn = (text: string): string | null =>
  ambiguityOf(JSON.parse(text), scanJson(Buffer.from(text)))

t.test('finds a name that an object has twice, wherever it stands', async (t) => {
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '[[{"b":{"a":1,"c":[],"a":null}}]]',
    '{"":0,"":0}',
    '{"a":{"b":1},"a":{"b":1}}',
  ]) {
    t.match(mistakeIn(text), /same member/, text)
  }
  for (const text of [
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}',
    '{"a:b":"c:d","x":"\\":\\""}',
    '["a:b"]',
    '":"',
    '{}',
    '1',
  ]) {
    t.equal(mistakeIn(text), null, text)
  }
})

t.test('finds unpaired surrogates in names and texts, and takes whole ones', async (t) => {
  for (const text of ['"\\ud800"', '{"a":["x\\uDbFFy"]}', '{"\\udc00":1}', '"\\ude00\\ud83d"']) {
    t.match(mistakeIn(text), /unpaired surrogate/, text)
  }
  for (const text of ['"\\ud83d\\ude00"', '"\\\\ud800"', '"\\u00d8"', '"\\ud7ff\\ue000"', '"😀"']) {
    t.equal(mistakeIn(text), null, text)
  }
})

t.test('long texts are read as short ones are, whatever escapes they have', async (t) => {
  const pieces = [
    'x'.repeat(48),
    'x'.repeat(200),
    '\\"',
    '\\\\',
    '[',
    ':',
    ',',
    '{"a":1}'.replaceAll('"', '\\"'),
    'é',
  ]
  const random = createRandom(7)
  const some = (): string => pieces[Math.floor(random.next() * pieces.length)] as string
  for (let round = 0; round < 300; round++) {
    const inside = Array.from({ length: 1 + (round % 12) }, some).join('')
    const text = `[{"a":"${inside}"},"${inside}",["${inside}"]]`
    const { depth, names, containers, followers } = scanJson(Buffer.from(text))
    t.same([depth, names, containers, followers], [2, 1, 3, 2], text)
    t.ok(scanJson(Buffer.from(`["${inside}\\ud800${inside}"]`)).hasSurrogates)
  }
})

t.test('says how deep a text is', async (t) => {
  const depth = (text: string): number => scanJson(Buffer.from(text)).depth
  t.equal(depth('[[{"a":[]}],[]]'), 4)
  t.equal(depth('"[[[["'), 0)
  t.equal(depth('"\\"[[" '), 0)
})

t.test('counts arrays and objects, and the members of the object that has most', async (t) => {
  const counts = (text: string) => {
    const { containers, names, namesOfOne } = scanJson(Buffer.from(text))
    return [containers, names, namesOfOne]
  }
  t.same(counts('1'), [0, 0, 0])
  t.same(counts('[[],{},"[{:"]'), [3, 0, 0])
  t.same(counts('[{"a":1,"b":2},{"c":3}]'), [3, 3, 2])
  t.same(counts('{"a":{"b":1,"c":2,"d":{}},"e":5}'), [3, 5, 3])
})

t.test('a name that is misspelt has a nearest one, and another word has none', async (t) => {
  const names = ['expression', 'kind', 'input']
  t.equal(nearest('expresion', names), 'expression')
  t.equal(nearest('Expression', names), 'expression')
  t.equal(nearest('imput', names), 'input')
  for (const other of ['code', 'x', '', 'expression'.repeat(10)])
    t.equal(nearest(other, names), null)
})
