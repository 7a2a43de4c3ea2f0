// How clients see a slave: the programs that it runs, its features, and its cache of files.

import type { Test } from 'tap'
import t from 'tap'
import { reachAt } from '../../../master/core/reach.ts'
import { createRegistry } from '../../../master/core/registry.ts'
import { slaveJson } from '../../../master/views/slave-json.ts'
import { createCheck } from '../../../shared/http/validate.ts'
import { Slave } from '../../../shared/protocol/api/slaves.ts'
import type { SlaveCard, SlaveState } from '../../../shared/protocol/wire.ts'
import { instant } from '../../instants.ts'

const CARD: SlaveCard = { name: 's', boot: 'b', version: '1', kinds: [], tags: [], slots: 1 }
const STATE: SlaveState = {
  slave: 's',
  boot: 'b',
  generation: 0,
  slots: 1,
  free: 1,
  mode: 'accepting',
  reason: '',
}

function setUp() {
  const registry = createRegistry('known')
  const slave = registry.add('s', reachAt({ by: 'http', url: 'http://s' }))
  const check = createCheck(Slave)
  let generation = 0
  return {
    introduce: (more: Partial<SlaveCard>) => registry.introduce(slave, { ...CARD, ...more }),
    hear: (more: Partial<SlaveState>) =>
      registry.hear(slave, { ...STATE, generation: ++generation, ...more }, instant(0)),
    /** As it is sent. */
    json: (t: Test) => {
      const json: unknown = JSON.parse(JSON.stringify(slaveJson(slave, 0)))
      t.same(check.mistakes(json), [])
      return json
    },
  }
}

t.test('shows the programs of a slave as its card says, and none of a slave without', async (t) => {
  const { introduce, json } = setUp()
  introduce({})
  t.match(json(t), { features: [], commands: null, cache: null })
  const listed = { programs: ['flac', 'sox'], containment: 'process-group' as const }
  introduce({ features: ['files', 'later'], commands: listed })
  t.match(json(t), { features: ['files', 'later'], commands: listed })
  const all = { programs: 'any', containment: 'pid-namespace' } as const
  introduce({ commands: all })
  t.match(json(t), { features: [], commands: all })
  introduce({ commands: { programs: [], containment: 'cgroup' } })
  t.match(json(t), { commands: { programs: [], containment: 'cgroup' } })
})

t.test('shows how full its cache is as it said last, and nothing of an earlier boot', async (t) => {
  const { introduce, hear, json } = setUp()
  introduce({})
  // Unknown fields of a peer are ignored, and not passed on.
  hear({ cache: { bytes: 5, bytesMax: 9, more: 'x' } as SlaveState['cache'] & object })
  t.same((json(t) as { cache: unknown }).cache, { bytes: 5, bytesMax: 9 })
  hear({})
  t.match(json(t), { cache: { bytes: 5 } }, 'a poll does not say it')
  introduce({ boot: 'another' })
  t.match(json(t), { cache: null })
})
