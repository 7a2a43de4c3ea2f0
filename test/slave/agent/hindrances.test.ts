import { test } from 'tap'
import type { SlaveState } from '../../../shared/protocol/wire.ts'
import { createHindrances } from '../../../slave/agent/hindrances.ts'
import type { Input } from '../../../slave/core/core.ts'

function setUp(mode: SlaveState['mode'] = 'accepting') {
  const state = { mode, reason: '' } as SlaveState
  const core = { state: () => state }
  const take = (input: Input): void => {
    if (input.is === 'mode') Object.assign(state, { mode: input.mode, reason: input.reason })
  }
  return { state, hindrances: createHindrances({ core, take }) }
}

test('a slave is unwilling for its oldest reason, until the last one is over', (t) => {
  const { state, hindrances } = setUp()
  hindrances.set('outbox', 'the disk is full')
  hindrances.set('folder', 'the folder was removed')
  t.match(state, { mode: 'unwilling', reason: 'the disk is full' })
  hindrances.set('outbox', null)
  t.match(state, { mode: 'unwilling', reason: 'the folder was removed' })
  hindrances.set('folder', null)
  t.match(state, { mode: 'accepting', reason: '' })
  t.end()
})

test('a slave that drains goes on draining, whatever is wrong and whatever is over', (t) => {
  const { state, hindrances } = setUp('draining')
  hindrances.set('executors', 'they do not start')
  t.equal(state.mode, 'draining')
  hindrances.set('executors', null)
  t.equal(state.mode, 'draining')
  t.end()
})
