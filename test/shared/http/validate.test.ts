import t from 'tap'
import { Type } from 'typebox'
import { createCheck } from '../../../shared/http/validate.ts'

const lists = createCheck(Type.Object({ words: Type.Array(Type.String(), { maxItems: 1000 }) }))

t.test('names the mistakes of a list, however long it is', async (t) => {
  const words = Array.from({ length: 1_000_000 }, () => 1)
  const mistakes = lists.mistakes({ words })
  t.match(mistakes[0], { field: 'words.0', rule: 'must be string' })
  t.ok(mistakes.length <= 10)
})

t.test('says that a list is too long', async (t) => {
  const words = Array.from({ length: 20_000 }, () => 'a')
  t.match(lists.mistakes({ words }), [{ field: 'words', rule: /1000/ }])
})

t.test('says that a mistake is far behind, where it does not look', async (t) => {
  const any = createCheck(Type.Array(Type.String()))
  const words: unknown[] = Array.from({ length: 20_000 }, () => 'a')
  words.push(1)
  t.match(any.mistakes(words, '/input'), [{ field: 'input', rule: /beyond the checked length/ }])
  t.throws(() => any.checked(words), /beyond the checked length/)
})

t.test('looks into what is in lists and objects', async (t) => {
  const deep = createCheck(Type.Object({ a: Type.Array(Type.Object({ b: Type.Integer() })) }))
  t.same(deep.mistakes({ a: [{ b: 1 }, { b: 'x' }] }), [
    { field: 'a.1.b', rule: 'must be integer' },
  ])
  t.same(deep.mistakes({ a: [{}] }), [{ field: 'a.0.b', rule: 'is missing' }])
})
