// JSON that is passed on as it came: where values stand, and numbers as they were written.

import fc from 'fast-check'
import t from 'tap'
import { textOf } from '../../../shared/data/json-bytes.ts'
import { oddNumbers, unfitNumber } from '../../../shared/data/json-numbers.ts'
import { encode, encodeFields, plain, Raw, scan, scanItems } from '../../../shared/data/raw-json.ts'

t.test('a Raw is written as the text that it is, wherever it stands', async (t) => {
  const value = { a: new Raw('1.0'), list: [new Raw('{"b": -0.0}'), 2, 'x'], c: undefined }
  t.equal(encode(value), '{"a":1.0,"list":[{"b": -0.0},2,"x"]}')
  t.equal(encode(new Raw('1e400')), '1e400')
  t.equal(
    encode({ $: 'replace $& and $1', r: new Raw('"$&"') }),
    '{"$":"replace $& and $1","r":"$&"}',
  )
  t.throws(() => JSON.stringify({ a: new Raw('1') }), /written by encode/)
  t.same(plain(new Raw('[1.0]')), [1])
})

t.test('an object is encoded field by field as it is encoded whole', async (t) => {
  const outcome = { status: 'done', result: new Raw('1.0'), 'a "b"': [new Raw('-0.0'), 2] }
  for (const each of [outcome, { ...outcome, files: undefined }, { only: undefined }, {}]) {
    t.equal(encodeFields(each), encode(each))
  }
})

t.test('where a value stands is found in any JSON text, at any depth', async () => {
  const tree = fc
    .json({ maxDepth: 5 })
    .chain((text) =>
      fc.record({ text: fc.constant(text), pad: fc.stringMatching(/^[ \t\n\r]{0,3}$/) }),
    )
  fc.assert(
    fc.property(tree, fc.integer({ min: 0, max: 6 }), ({ text, pad }, levels) => {
      const value = JSON.parse(text) as unknown
      // With blanks around whatever JSON.stringify gives a line of its own.
      const spaced = pad + JSON.stringify(value, null, 1) + pad
      for (const given of [text, spaced]) check(Buffer.from(given), value, levels)
    }),
    { numRuns: 500 },
  )
})

function check(bytes: Buffer, value: unknown, levels: number, span = scan(bytes, levels)): void {
  t.same(JSON.parse(textOf(bytes, span)), value)
  if (levels === 0 || typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    t.equal(span.items?.length, value.length)
    for (const [i, each] of value.entries()) check(bytes, each, levels - 1, span.items?.[i])
    return
  }
  const names = Object.keys(value)
  t.same([...new Set(span.members?.names)].toSorted(), names.toSorted())
  for (const name of names)
    check(bytes, (value as Record<string, unknown>)[name], levels - 1, span.members?.get(name))
}

t.test('strings of any length end where they end', async (t) => {
  for (const length of [0, 1, 46, 47, 48, 49, 50, 1000]) {
    for (const end of ['', '\\\\', '\\"', '\\\\\\"', '\\u0041', 'é', ']', '}']) {
      const text = `{"a":["${'x'.repeat(length)}${end}"],"b":[1]}`
      const bytes = Buffer.from(text)
      const found = scan(bytes, 1).members
      t.same(JSON.parse(textOf(bytes, found?.get('a') as never)), JSON.parse(text).a)
      t.equal(textOf(bytes, found?.get('b') as never), '[1]')
    }
  }
})

t.test('of a name that stands twice the last counts, written with escapes or not', async (t) => {
  const bytes = Buffer.from('{"a":1,"\\u0061":2.0}')
  t.equal(textOf(bytes, scan(bytes, 1).members?.get('a') as never), '2.0')
})

t.test('numbers that a double does not hold are found, with the way to them', async (t) => {
  const unfit: [text: string, path: string, written: string][] = [
    ['1e400', '', '1e400'],
    ['{"scope":{"x":[1,{"y z":-1e999}]}}', 'scope.x.1.y z', '-1e999'],
    ['[[0,0],[1,12345678901234567890]]', '1.1', '12345678901234567890'],
    ['{"a,b":9007199254740993}', 'a,b', '9007199254740993'],
    ['{"a":"1e400","\\"b":1e-400}', '"b', '1e-400'],
    ['[0.0000000000000000e-1, 0.1e-400]', '1', '0.1e-400'],
  ]
  for (const [text, path, written] of unfit) t.match(unfitNumber(text), { path, written }, text)
  const fit =
    '[0,-0,-0.0,0.0e5,1.0,0.1000,1E5,1e308,9007199254740992,0.12345678901234567890,1e22,5e-324]'
  t.equal(unfitNumber(fit), null)
  t.equal(unfitNumber('"1e400"'), null)
  t.equal(unfitNumber('{"1e400":"12345678901234567890"}'), null)
})

t.test('numbers written as JSON.stringify writes them are not odd, all others are', async (t) => {
  const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer())
  fc.assert(
    fc.property(fc.array(number), (numbers) => {
      t.equal(oddNumbers(JSON.stringify({ numbers })), '')
    }),
  )
  const part = fc.stringMatching(/^-?(0|[1-9]\d{0,17})(\.\d{1,17})?([eE][-+]?\d{1,3})?$/)
  fc.assert(
    fc.property(part, (text) => {
      const isOdd = JSON.stringify(JSON.parse(text)) !== text
      t.equal(oddNumbers(`[${text}]`), isOdd ? text : '')
    }),
    { numRuns: 2000 },
  )
})

t.test('the items of the only list of an object are read one by one', async (t) => {
  for (const text of [
    '{"tasks":[]}',
    ' { "tasks" : [ {"a":[1,{"b":"]"}],"c":"x"} , "y,[" ,-0.0,[ ],{"a":2} ] } ',
    `{"t\\u0061sks":[{"kind":"own","input":"${'x'.repeat(100)}\\""},{"kind":"own"}]}`,
  ]) {
    const bytes = Buffer.from(text)
    const list = scan(bytes, 3).members?.spans[0]
    t.same([...scanItems(bytes, 1)], list?.items, text)
  }
})
