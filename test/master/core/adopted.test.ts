// An attempt that a heartbeat lists while its offer is still on its way.

import t from 'tap'
import type { Input } from '../../../master/core/messages.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { instant } from '../../instants.ts'
import { aToken, createTestCore } from '../stepping.ts'

t.test('the slot of an offer that a heartbeat lists as held counts once', async (t) => {
  const core = createTestCore({})
  const step = (input: Input) => core.step(input, instant(0), wallTime(0))
  const address = { by: 'http', url: 'http://a' } as const
  const stateOf = (generation: number, free: number) => {
    const mode = 'accepting' as const
    return { slave: 'a', boot: 'boot', generation, slots: 2, free, mode, reason: '' }
  }
  const submit = (id: string) => {
    const limits = { queue: false, waitUntil: null, expiresAt: null, runLimitMs: 1_000 }
    const task = { id, kind: 'k', priority: 0, createdAt: wallTime(0), ...limits }
    return step({ is: 'submit', task })
  }
  step({
    is: 'restore',
    tasks: [],
    slaves: [{ name: 'a', address, position: 0, drained: false }],
  })
  const card = { name: 'a', boot: 'boot', version: '1', kinds: ['k'], tags: [], slots: 2 }
  const said = { card, state: stateOf(1, 2), attempts: [] }
  step({ is: 'visited', name: 'a', url: 'http://a', said, token: null })
  const offer = submit('t1').find((effect) => effect.do === 'offer')
  const held = { attempt: offer?.attempt ?? '', task: 't1', status: 'running' as const }
  const heartbeat = { state: stateOf(2, 1), attempts: [held] }
  step({ is: 'heartbeat', heartbeat, token: aToken() })
  t.match(
    submit('t2').map((effect) => effect.do),
    ['offer'],
    'one slot is taken, the other is free',
  )
})
