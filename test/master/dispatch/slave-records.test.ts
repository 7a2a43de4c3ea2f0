// How slaves are stored: in the rows of previous versions.

import t from 'tap'
import { restoreOf, rowOf } from '../../../master/dispatch/slave-records.ts'

const ROWS = [
  { name: 'asked', url: 'http://asked:1', position: 0, drained: false },
  { name: 'polls', url: 'pull:', position: 1, drained: true },
  { name: 'only-polls', url: 'pull:simple', position: 2.5, drained: false },
]
const loaded = (slaves: typeof ROWS) => ({
  tasks: [],
  slaves,
  kinds: [],
  secret: '',
  newestId: null,
  newestAt: null,
})

t.test('a slave is restored from its row, and stored in the same row', async (t) => {
  const { slaves, more } = restoreOf(loaded(ROWS), [])
  t.same(
    slaves.map(({ address }) => address),
    [{ by: 'http', url: 'http://asked:1' }, { by: 'poll' }, { by: 'simple-poll' }],
  )
  t.same(slaves.map(rowOf), ROWS)
  t.same(more, [])
})

t.test('a slave that the settings name is at their address, and after those stored', async (t) => {
  const named = [
    { name: 'polls', url: 'http://named:1' },
    { name: 'new', url: 'http://new:1' },
  ]
  const { slaves, more } = restoreOf(loaded(ROWS), named)
  t.same(slaves[1], {
    name: 'polls',
    address: { by: 'http', url: 'http://named:1' },
    position: 1,
    drained: true,
  })
  t.same(more, [
    { name: 'new', address: { by: 'http', url: 'http://new:1' }, position: 3.5, drained: false },
  ])
})
