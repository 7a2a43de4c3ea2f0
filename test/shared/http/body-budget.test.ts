import type { Test } from 'tap'
import t from 'tap'
import { createBodyRoom } from '../../../shared/http/body-budget.ts'

function refuses(t: Test, run: () => unknown): void {
  const wanted = { type: 'overloaded', status: 503, headers: { 'retry-after': '1' } }
  try {
    run()
    t.fail('it was let in')
  } catch (error) {
    t.match(error, wanted)
  }
}

t.test('holds so many bytes in all, and gives room again when bodies have arrived', async (t) => {
  const room = createBodyRoom({ bytesMax: 100, perCallerBytesMax: 100 })
  const first = room.enter('a', 60)
  room.enter('b', 40)
  refuses(t, () => room.enter('c', 1))
  t.equal(room.usedBytes, 100)
  first.leave()
  first.leave()
  t.equal(room.usedBytes, 40, 'leaving twice is leaving once')
  room.enter('c', 60)
})

t.test('holds so many bytes of one caller, and others have room none the less', async (t) => {
  const room = createBodyRoom({ bytesMax: 100, perCallerBytesMax: 50 })
  room.enter('a', 30)
  const second = room.enter('a', 20)
  refuses(t, () => room.enter('a', 1))
  room.enter('b', 50)
  second.leave()
  room.enter('a', 20)
  refuses(t, () => room.enter('a', 1))
})

t.test('counts a body of unknown length as it comes', async (t) => {
  const room = createBodyRoom({ bytesMax: 100, perCallerBytesMax: 100 })
  const other = room.enter('b', 50)
  const place = room.enter('a', 0)
  place.grow(30)
  place.grow(20)
  refuses(t, () => place.grow(1))
  t.equal(room.usedBytes, 100, 'what was refused is not counted')
  other.leave()
  place.grow(50)
  place.leave()
  t.equal(room.usedBytes, 0)
})

t.test("lets a caller's only body in, and the only body of all, whatever the limits", async (t) => {
  const room = createBodyRoom({ bytesMax: 100, perCallerBytesMax: 10 })
  const alone = room.enter('a', 80)
  refuses(t, () => room.enter('a', 1))
  room.enter('b', 20)
  alone.leave()
  const full = createBodyRoom({ bytesMax: 100, perCallerBytesMax: 10 })
  full.enter('a', 5000).grow(5000)
  refuses(t, () => full.enter('b', 1))
})

t.test('lets in a body without bytes', async (t) => {
  const room = createBodyRoom({ bytesMax: 10, perCallerBytesMax: 10 })
  room.enter('a', 10)
  room.enter('a', 0)
  t.equal(room.usedBytes, 10)
})
