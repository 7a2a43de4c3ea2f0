// The packed executor: children that start from a snapshot compute what children from source compute, and
// a snapshot that does not fit is not used.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import { packExecutor } from '../../../deploy/pack/executor.ts'
import { loadKinds } from '../../../shared/kinds/load-kinds.ts'
import { findSnapshot, listOf } from '../../../slave/executor/packed.ts'
import { openPool } from './open-pool.ts'

const packed = pathToFileURL(join(t.testdir(), 'executor/'))
await packExecutor(packed)
const kinds = [...(await loadKinds()).values()].filter(({ files, program }) => !files && !program)
const names = kinds.map(({ name }) => name)

t.test('a child from the packed snapshot gives the results of all examples', async (t) => {
  const snapshot = findSnapshot(names, packed)
  t.ok(snapshot)
  const { compute, troubles } = openPool(t, { kinds: names, kindsModule: undefined, snapshot })
  for (const { name, examples } of kinds) {
    for (const { input, output } of examples) {
      t.match(await compute(name, input), { status: 'done', ...output }, `${name} ${input}`)
    }
  }
  t.same(troubles, [], 'no child started from source instead')
})

t.test('a damaged snapshot is given up: children start from source', async (t) => {
  const snapshot = join(t.testdir({ snapshot: 'no snapshot' }), 'snapshot')
  const { compute, troubles } = openPool(t, { kinds: names, kindsModule: undefined, snapshot })
  t.match(await compute('expression', { expression: '2 + 3' }), { result: 5 })
  t.match(troubles, [/^executor \d+ ended with exit code/])
})

t.test('a snapshot of other kinds, another Node or other sources is not used', (t) => {
  const folder = pathToFileURL(join(t.testdir(), 'executor/'))
  mkdirSync(folder)
  const write = (list: object) => writeFileSync(new URL('list.json', folder), JSON.stringify(list))
  const list = listOf(['sleep'], ['shared/kinds/sleep.ts'])
  t.equal(findSnapshot(['sleep'], folder), undefined, 'nothing is packed')
  write(list)
  t.equal(findSnapshot(['sleep'], folder), fileURLToPath(new URL('snapshot', folder)))
  t.equal(findSnapshot(['sleep', 'expression'], folder), undefined, 'another kind')
  write({ ...list, node: 'v1.0.0' })
  t.equal(findSnapshot(['sleep'], folder), undefined, 'another Node')
  write({ ...list, files: { ...list.files, 'shared/kinds/sleep.ts': 'changed' } })
  t.equal(findSnapshot(['sleep'], folder), undefined, 'a changed source')
  write({ ...list, files: { ...list.files, 'shared/kinds/none.ts': 'gone' } })
  t.equal(findSnapshot(['sleep'], folder), undefined, 'a source that is gone')
  t.end()
})
