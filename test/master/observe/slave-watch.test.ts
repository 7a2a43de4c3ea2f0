import { test } from 'tap'
import type { SlaveEvent } from '../../../master/core/events.ts'
import { createRegistry } from '../../../master/core/registry.ts'
import { watchSlaves } from '../../../master/observe/slave-watch.ts'
import { createLog } from '../../../shared/process/log.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'

async function setUp() {
  const clock = createSimulatedClock()
  const registry = createRegistry('known')
  const told: Pick<SlaveEvent, 'slave' | 'event' | 'state'>[] = []
  const watch = watchSlaves({
    registry,
    clock,
    log: await createLog('test', 'silent'),
    onEvent: ({ slave, event, state }) => void told.push({ slave, event, state }),
  })
  return { clock, registry, told, watch }
}

test('tells of a slave once it has been heard, or asked in vain, not while it registers', async (t) => {
  const { clock, registry, told, watch } = await setUp()
  const state = { boot: 'boot-1', generation: 0, slots: 1, free: 1, mode: 'accepting', reason: '' }
  const card = { boot: 'boot-1', version: '1', kinds: ['work'], tags: [], slots: 1 }
  const slave = registry.add('slave-1', { by: 'http', url: 'http://slave-1' })
  const named = registry.add('slave-2', { by: 'http', url: 'http://slave-2' })
  watch.look()
  t.same(told, [], 'it has not been asked yet')
  registry.introduce(slave, { ...card, name: 'slave-1' })
  registry.hear(slave, { ...state, slave: 'slave-1' } as never, clock.now())
  named.unanswered = 1
  watch.look()
  t.same(told, [
    { slave: 'slave-1', event: 'joined', state: 'open' },
    { slave: 'slave-2', event: 'joined', state: 'silent' },
  ])
  watch.close()
})

test('tells of a slave that left while another has just registered', async (t) => {
  const { registry, told, watch } = await setUp()
  const named = registry.add('slave-1', { by: 'http', url: 'http://slave-1' })
  named.unanswered = 1
  watch.look()
  registry.remove(named)
  registry.add('slave-2', { by: 'http', url: 'http://slave-2' })
  watch.look()
  t.same(told.at(-1), { slave: 'slave-1', event: 'left', state: 'left' })
  watch.close()
})
