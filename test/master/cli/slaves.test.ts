// The columns of `askfirst slaves`.

import t from 'tap'
import { columnsFor } from '../../../master/cli/commands/slaves.ts'
import { table } from '../../../master/cli/output.ts'
import type { Slave } from '../../../shared/client/client.ts'

const SLAVE: Slave = {
  name: 's',
  place: 1,
  url: 'http://s',
  pull: false,
  state: 'free',
  reason: '',
  slots: 1,
  free: 1,
  running: 0,
  beingOffered: 0,
  drained: false,
  kinds: ['command'],
  features: ['files'],
  commands: null,
  cache: null,
  tags: [],
  version: '1',
  heardMs: 1,
  serviceMs: null,
  taken: 0,
  ended: 0,
}
const titles = (...all: Partial<Slave>[]): string[] =>
  columnsFor(all.map((each) => ({ ...SLAVE, ...each }))).map(([title]) => title)
const shown = (...all: Partial<Slave>[]): string => {
  const rows = all.map((each) => ({ ...SLAVE, ...each }))
  return table(rows, columnsFor(rows), 300).join('\n')
}
const runs = (programs: string[] | 'any'): Partial<Slave> => ({
  commands: { programs, containment: 'cgroup' },
})

t.test('a column is shown where it tells something of these slaves, before the last', async (t) => {
  const usual = titles({})
  t.notMatch(usual.join(), /PROGRAMS|CACHE|FEATURES/)
  t.same(titles({ cache: { bytes: 0, bytesMax: 9 } }, {}), usual, 'an empty cache tells nothing')
  const wanted = [...usual.slice(0, -1), 'PROGRAMS', 'CACHE', 'FEATURES', 'WHY']
  t.same(titles({ ...runs('any'), cache: { bytes: 1, bytesMax: 9 } }, { features: [] }), wanted)
})

t.test('names the programs, as many as have room', async (t) => {
  const text = shown(runs(['flac', 'sox']), runs('any'), runs([]), runs(['x'.repeat(255)]), {})
  t.match(text, / flac sox\n.* any\n.* none\n.* x{19}…\n.* -$/)
  t.ok(Math.max(...text.split('\n').map((line) => line.length)) < 110)
})

t.test('says how full a cache is', async (t) => {
  const text = shown({ cache: { bytes: 5, bytesMax: 10 } }, { cache: { bytes: 9, bytesMax: 0 } })
  t.match(text, / 50 %\n.* 100 %$/)
})

t.test('takes what a master of an earlier version says of a slave', async (t) => {
  const { commands: _c, cache: _n, features: _f, ...before } = SLAVE
  const rows = [before as Slave, { ...SLAVE, ...runs(['flac']) }]
  t.match(
    table(rows, columnsFor(rows), 200).join('\n'),
    /PROGRAMS {2}FEATURES[\s\S]* - [\s\S]*flac/,
  )
})
