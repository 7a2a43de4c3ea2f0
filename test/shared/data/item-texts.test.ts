// The texts of one value in each item of a list: as scan finds them, in any JSON text.

import fc from 'fast-check'
import t from 'tap'
import { itemTexts } from '../../../shared/data/item-texts.ts'
import { textOf } from '../../../shared/data/json-bytes.ts'
import { scan } from '../../../shared/data/raw-json.ts'

const texts = (text: string, path = ['a', 'b']) => itemTexts(Buffer.from(text), 'list', path)

/** The same by the spans of the whole text. */
function slowly(text: string, path: readonly string[]): (string | undefined)[] {
  const bytes = Buffer.from(text)
  const items = scan(bytes, path.length + 2).members?.get('list')?.items ?? []
  return items.map((item) => {
    let span: typeof item | undefined = item
    for (const name of path) span = span?.members?.get(name)
    return span && textOf(bytes, span)
  })
}

t.test('gives the text of a value as it was written, and undefined where it is not', async (t) => {
  const written =
    '{"x":[{}],"list":[{"a":{"b":-0.0,"c":"]}"}},{"a":3},7,{"a":{"b": {"d":[1.0]} }},{}]}'
  t.same(texts(written), ['-0.0', undefined, undefined, '{"d":[1.0]}', undefined])
  t.same(texts('{"list":{"a":{"b":1}}}'), [])
  t.same(texts('[{"list":[]}]'), [])
  t.same(texts('{"list":[1, "2"]}', []), ['1', '"2"'])
})

t.test('of a name that stands twice the last counts, however it is written', async (t) => {
  t.same(texts('{"list":[{"a":{"b":1}}],"list":[{"a":{"b":2,"\\u0062":3}}]}'), ['3'])
  t.same(texts('{"list":[{"a":{"b":1},"a":{}}]}'), [undefined])
})

t.test('finds in any text what a scan of all of it finds', async () => {
  const leaf = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant('é"\\'))
  const name = fc.constantFrom('a', 'b', 'ab', 'é', 'list')
  const item = fc.dictionary(name, fc.oneof(leaf, fc.dictionary(name, leaf)))
  const body = fc.record({ before: leaf, list: fc.array(fc.oneof(item, leaf)), after: leaf })
  const path = fc.array(name, { maxLength: 3 })
  fc.assert(
    fc.property(body, path, fc.constantFrom(0, 1), (value, path, indent) => {
      const text = JSON.stringify(value, null, indent)
      t.same(texts(text, path), slowly(text, path))
    }),
  )
})
