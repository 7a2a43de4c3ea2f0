// Which attempts of tasks that are not live are reported as unknown: a clock that the test moves, a
// store in memory, ids as a master makes them.

import t from 'tap'
import { createAttemptIds } from '../../../master/dispatch/attempt-ids.ts'
import { createUnknownAttempts } from '../../../master/dispatch/unknown-attempts.ts'
import { createMemoryStore } from '../../../master/store/memory.ts'
import { msOf } from '../../../shared/data/clock.ts'
import { createIds } from '../../../shared/data/ids.ts'
import { createLog } from '../../../shared/process/log.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'
import { anEndedTask, commit, insert } from '../store/records.ts'

const DAY_MS = 86_400_000
const UP_MS = 30 * DAY_MS
const START = msOf(createSimulatedClock(UP_MS).wall())

/** A store that holds one ended task, its ids, and what was logged. */
async function setUp(t: Tap, { keepMs = 7 * DAY_MS, keepTasksMax = 1_000 } = {}) {
  const clock = createSimulatedClock(UP_MS)
  const store = createMemoryStore()
  const old = createIds(() => START - 10_000)
  const before = old.next()
  const stored = old.next()
  await commit(store, insert(anEndedTask({ id: stored })))
  const lines: { slave: string; attempts: number; of: string; msg: string }[] = []
  const log = await createLog('m', 'warn', 'json', {
    write: (line) => lines.push(JSON.parse(line)),
  })
  const ids = createAttemptIds('secret')
  const settings = { keepMs, keepTasksMax }
  const unknown = createUnknownAttempts({ store, clock, log, ids, newestId: stored, settings })
  t.teardown(unknown.close)
  return {
    before,
    stored,
    /** Accepted after the copy of the store was made, and before this start. */
    lost: () => old.next(),
    ids,
    lines,
    unknown,
    newId: unknown.watchIds(createIds(() => START).next),
    async looked(): Promise<typeof unknown.counts> {
      await clock.run()
      // What the store answers is a promise or two later.
      await new Promise((resolve) => setImmediate(resolve))
      return { ...unknown.counts }
    },
  }
}
type Tap = Pick<typeof t, 'teardown'>

const others = createAttemptIds('the secret of another store')

t.test('attempts of tasks that are newer than the restored store are counted once', async (t) => {
  const { lost, ids, unknown, looked, lines } = await setUp(t)
  const tasks = [lost(), lost()]
  const held = tasks.map((task) => ({ attempt: ids.make(task, 's'), task }))
  unknown.look('s', held)
  t.same(await looked(), { 'this-store': 2, 'another-store': 0 })
  t.match(lines, [{ slave: 's', attempts: 2, of: 'this-store', msg: /older copy.*submit again/ }])
  unknown.look('s', held)
  t.same(
    await looked(),
    { 'this-store': 2, 'another-store': 0 },
    'the next heartbeat lists them too',
  )
  t.equal(lines.length, 1, 'one line for the slave')
})

t.test('attempts of another store are told apart', async (t) => {
  const { lost, before, unknown, looked, lines } = await setUp(t)
  const held = [lost(), before].map((task) => ({ attempt: others.make(task, 's'), task }))
  unknown.look('s', held)
  t.same(await looked(), { 'this-store': 0, 'another-store': 2 })
  t.match(lines, [{ of: 'another-store', msg: /--data/ }])
})

t.test('what is in the store, or was made by this process, is not unknown', async (t) => {
  const { stored, newId, ids, unknown, looked, lines } = await setUp(t)
  const refused = newId()
  for (const task of [stored, refused, newId()]) {
    unknown.look('s', [{ attempt: ids.make(task, 's'), task }])
  }
  t.same(await looked(), { 'this-store': 0, 'another-store': 0 })
  t.same(lines, [])
})

t.test('what retention may have removed is not unknown', async (t) => {
  const old = createIds(() => START - 8 * DAY_MS).next()
  const byAge = await setUp(t)
  byAge.unknown.look('s', [{ attempt: byAge.ids.make(old, 's'), task: old }])
  t.same(await byAge.looked(), { 'this-store': 0, 'another-store': 0 }, 'by its age')
  const byNumber = await setUp(t, { keepTasksMax: 1 })
  const task = byNumber.before
  byNumber.unknown.look('s', [{ attempt: byNumber.ids.make(task, 's'), task }])
  t.same(await byNumber.looked(), { 'this-store': 0, 'another-store': 0 }, 'by their number')
  const room = await setUp(t)
  room.unknown.look('s', [{ attempt: room.ids.make(room.before, 's'), task: room.before }])
  t.same(await room.looked(), { 'this-store': 1, 'another-store': 0 }, 'while there is room')
})
