// The contract of every kind: its name, its schemas and its examples agree.

import t from 'tap'
import { Value } from 'typebox/value'
import { kindNames, loadKinds } from '../../../shared/kinds/load-kinds.ts'

const kinds = await loadKinds()

t.test('all kinds are found by their names', async (t) => {
  t.same([...kinds.keys()], await kindNames())
  for (const name of kinds.keys()) t.same([...(await loadKinds([name])).keys()], [name])
})

t.test('a kind that there is not is refused with the names of those that there are', async (t) => {
  await t.rejects(loadKinds(['sleep', 'slepe']), /no kind "slepe"; the kinds are: .*sleep/)
})

for (const [name, kind] of kinds) {
  t.test(`${name} gives the outputs of its examples`, async (t) => {
    t.equal(kind.name, name)
    const without = kind.files || kind.program
    t.ok(kind.examples.length > 0 || without, 'only one that needs files or programs may have none')
    for (const { input, output } of kind.examples) {
      t.ok(Value.Check(kind.input, input), 'the input fits its schema')
      const result = await kind.run(input as never, { files: {}, out: '', shared: null })
      t.same(result, output)
      t.same(JSON.parse(JSON.stringify(result)), result, 'the result survives JSON')
      t.ok(Value.Check(kind.output, result.result), 'the output fits its schema')
    }
  })

  t.test(`${name} refuses unknown fields`, async (t) => {
    const example = (kind.examples[0]?.input ?? {}) as object
    t.notOk(Value.Check(kind.input, { ...example, unknownField: 1 }))
  })
}
