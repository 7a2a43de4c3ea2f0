// What the registry knows of the room that slaves have: never less than there is, or a master refuses
// tasks while slots are free; never more, or a burst piles up on one slave.

import t from 'tap'
import { createRegistry, roomOf, slotsOf } from '../../../master/core/registry.ts'
import type { Slave, Task } from '../../../master/core/state.ts'
import { instant } from '../../instants.ts'

/** A slave of three slots that was heard, and what it says next. */
function setUp(ask: 'known' | 'always' = 'known') {
  const registry = createRegistry(ask)
  const slave = registry.add('a', { by: 'http', url: 'http://a' })
  const card = { name: 'a', boot: 'b', version: '1', kinds: ['work'], tags: [], slots: 3 }
  registry.introduce(slave, card)
  let generation = 0
  const word = { slave: 'a', boot: 'b', slots: 3, mode: 'accepting' as const, reason: '' }
  const says = (free: number, more: object = {}): boolean =>
    registry.hear(slave, { ...word, generation: ++generation, free, ...more }, instant(0))
  says(3)
  const offer = (attempt: string): void => {
    slave.offers.set(attempt, { attempt, task: {} as Task, at: instant(0), boot: 'b' })
    registry.refresh(slave)
  }
  const isFree = (): boolean => registry.nextFree('work', null, 0) === 0
  return { registry, slave, says, offer, isFree }
}

t.test('an offer on its way takes one slot, however often its slave is heard', async (t) => {
  const { slave, says, offer, isFree } = setUp()
  for (const [i, room] of [2, 1, 0].entries()) {
    offer(`${i}`)
    for (let beats = 0; beats < 3; beats++) {
      says(3)
      t.equal(roomOf(slave), room)
      t.equal(isFree(), room > 0)
    }
  }
})

t.test('an answer gives back what the offer took, and takes what it says', async (t) => {
  const { slave, says, offer, isFree } = setUp()
  for (const attempt of ['x', 'y', 'z']) offer(attempt)
  slave.offers.delete('x')
  says(2)
  t.equal(roomOf(slave), 0)
  slave.offers.delete('y')
  says(2)
  t.equal(roomOf(slave), 1, 'the second was refused')
  t.ok(isFree())
})

t.test('an older word changes nothing, nor does one of another boot', async (t) => {
  const { slave, says } = setUp()
  says(1)
  t.notOk(says(3, { generation: 0 }))
  t.notOk(says(3, { boot: 'another' }))
  t.equal(roomOf(slave), 1)
  t.equal(slave.boot, 'b')
})

t.test('a slave that is drained, unwilling, suspect or full is not free', async (t) => {
  const { registry, slave, says, isFree } = setUp()
  const ways: [string, () => unknown, () => unknown][] = [
    ['drained', () => registry.setDrained(slave, true), () => registry.setDrained(slave, false)],
    ['suspect', () => registry.setStanding(slave, 'suspect'), () => says(3)],
    ['silent', () => registry.setStanding(slave, 'silent'), () => says(3)],
    ['unwilling', () => says(3, { mode: 'unwilling' }), () => says(3)],
    ['draining', () => says(3, { mode: 'draining' }), () => says(3)],
    ['full', () => says(0), () => says(3)],
  ]
  for (const [words, into, out] of ways) {
    into()
    t.notOk(isFree(), words)
    out()
    t.ok(isFree(), `no longer ${words}`)
  }
})

t.test('slots are counted once, whatever a slave says of them and when it goes', async (t) => {
  const { registry, slave, says } = setUp()
  t.equal(registry.slots, 3)
  says(5, { slots: 5 })
  t.equal(registry.slots, 5)
  const card = { name: 'a', boot: 'c', version: '1', kinds: ['work'], tags: [], slots: 2 }
  registry.introduce(slave, card)
  t.equal(registry.slots, 2)
  registry.remove(slave)
  t.equal(registry.slots, 0)
  t.equal(registry.nextAble('work', 0), -1)
})

t.test('a slave that no longer offers a kind is not found by it', async (t) => {
  const { registry, slave, isFree } = setUp()
  registry.disable(slave, 'work')
  t.notOk(isFree())
  t.same(slave.kinds, [])
})

t.test('a slave that comes back with other kinds is found by those alone', async (t) => {
  const { registry, slave } = setUp()
  const card = { name: 'a', boot: 'c', version: '1', kinds: ['play'], tags: [], slots: 3 }
  registry.introduce(slave, card)
  t.equal(registry.nextAble('play', 0), 0)
  t.equal(registry.nextAble('work', 0), -1)
})

t.test('a place that is free is taken by the next slave', async (t) => {
  const { registry, slave } = setUp()
  const second = registry.add('b', { by: 'http', url: 'http://b' })
  registry.remove(slave)
  t.equal(second.place, 1)
  t.equal(registry.add('c', { by: 'http', url: 'http://c' }).place, 0)
  t.equal(registry.add('d', { by: 'http', url: 'http://d' }).place, 2)
})

t.test('free slots are those that could be offered a task now', async (t) => {
  const { registry, slave, offer, says } = setUp()
  t.same(slotsOf([slave]), { total: 3, free: 3 })
  offer('x')
  t.same(slotsOf([slave]), { total: 3, free: 2 })
  says(0)
  t.same(slotsOf([slave]), { total: 3, free: 0 })
  registry.setDrained(slave, true)
  t.same(slotsOf([slave as Slave]), { total: 0, free: 0 })
})
