// Tasks with needs: who is asked, what is said of the others, and what is tried again.

import t from 'tap'
import type { Terms } from '../../../master/core/needs.ts'
import { abilityName } from '../../../master/core/needs.ts'
import { reachAt } from '../../../master/core/reach.ts'
import { createRegistry } from '../../../master/core/registry.ts'
import type { SlaveCard } from '../../../shared/protocol/wire.ts'
import { instant } from '../../instants.ts'

const flac = { is: 'program', name: 'flac' } as const
const files = { is: 'feature', name: 'files' } as const
const ability = (needs: Terms['needs']) => ({ kind: 'command', needs })

function setUp() {
  const registry = createRegistry('known')
  const add = (name: string, more: Partial<SlaveCard>) => {
    const slave = registry.add(name, reachAt({ by: 'http', url: `http://${name}` }))
    slave.saved = true
    introduce(name, more)
    const head = { slave: name, boot: 'b', generation: 1, slots: 1, free: 1, reason: '' }
    registry.hear(slave, { ...head, mode: 'accepting' }, instant(0))
    return slave
  }
  function introduce(name: string, more: Partial<SlaveCard>): void {
    const slave = registry.byName.get(name)
    if (!slave) throw new Error(`no ${name}`)
    const card = { name, boot: 'b', version: '1', kinds: ['command'], tags: [], slots: 1 }
    registry.introduce(slave, { ...card, ...more })
  }
  return { registry, add, introduce }
}
const runs = (...programs: string[]) => ({
  features: ['files', 'commands'],
  commands: { programs, containment: 'pid-namespace' as const },
})

t.test('an ability names its kind and needs, and no two have one name', async (t) => {
  t.equal(abilityName(ability([])), 'command')
  const names = [[flac], [files], [files, flac], [{ is: 'program', name: 'files' }]] as const
  const odd = [[{ is: 'program', name: 'flac feature=files' }]] as const
  const all = [...names, ...odd].map((needs) => abilityName(ability(needs)))
  t.equal(new Set(all).size, all.length)
})

t.test('only slaves that have every need are asked, whenever they registered', async (t) => {
  const { registry, add, introduce } = setUp()
  add('old', {})
  add('other', runs('ffmpeg'))
  const name = registry.track(ability([files, flac]))
  t.equal(registry.next(name, null, 0), -1)
  const able = add('able', runs('flac'))
  t.equal(registry.next(name, null, 0), able.place)
  t.same(registry.countAlive(name), { alive: 3, able: 1 })
  introduce('other', { ...runs(), commands: { programs: 'any', containment: 'cgroup' } })
  t.same(registry.countAlive(name), { alive: 3, able: 2 })
  introduce('able', {})
  t.same(registry.countAlive(name), { alive: 3, able: 1 })
})

t.test('a slave that said it is unable for one set of needs is asked for others', async (t) => {
  const { registry, add } = setUp()
  const slave = add('able', runs('flac', 'ffmpeg'))
  const one = registry.track(ability([flac]))
  const other = registry.track(ability([{ is: 'program', name: 'ffmpeg' }]))
  registry.disable(slave, one)
  t.notOk(registry.has(slave, one))
  t.ok(registry.has(slave, other))
  t.ok(registry.has(slave, 'command'))
  registry.disable(slave, 'command')
  t.notOk(registry.has(slave, other), 'without the kind it can do nothing of that kind')
})

t.test('abilities that no live task asks for do not pile up', async (t) => {
  const { registry, add } = setUp()
  add('able', { ...runs(), commands: { programs: 'any', containment: 'cgroup' } })
  const kept = registry.track(ability([flac]))
  for (let i = 0; i < 1_000; i++) {
    registry.release(registry.track(ability([{ is: 'program', name: `p${i}` }])))
  }
  t.ok(registry.abilityCount < 300)
  t.equal(registry.next(kept, null, 0), 0)
})
