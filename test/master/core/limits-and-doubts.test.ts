// The core by itself: deadlines that a start of the master must not renew, and attempts of which
// nobody knows whether a slave has them.

import t from 'tap'
import type { StoredTask } from '../../../master/core/messages.ts'
import type { TrailEntry } from '../../../master/core/trail.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { ASK_TIMEOUT_MS, WAIT_LIMIT_MS, world } from '../core-world.ts'

const HOUR_MS = 3_600_000

const stored = (more: Partial<StoredTask> = {}): StoredTask => ({
  id: 'task-1',
  kind: 'work',
  priority: 0,
  runLimitMs: HOUR_MS,
  createdAt: wallTime(0),
  queue: true,
  expiresAt: null,
  tries: 0,
  running: null,
  trail: [],
  ...more,
})

t.test('a wait limit goes on over starts of the master', async (t) => {
  const began = 1_000_000
  const expiresAt = wallTime(began + 10_000)
  const createdAt = wallTime(began)
  // Each of these masters lives shorter than the limit; together they live longer.
  for (const alreadyMs of [0, 2_000, 3_500]) {
    const w = world({}, began + alreadyMs)
    w.step({ is: 'restore', tasks: [stored({ createdAt, expiresAt })], slaves: [] })
    t.equal(w.task('task-1')?.expiresAt, expiresAt)
    t.equal(w.core.deadline(), began + 10_000)
    t.same(w.pass(10_000 - alreadyMs - 1), [])
    const [end] = w.pass(1).filter((effect) => effect.do === 'end')
    t.match(end, { task: { stage: { status: 'expired' } } })
  }
})

t.test('one that was stored without a limit has the master’s from its start on', async (t) => {
  const w = world({}, 5_000)
  w.step({ is: 'restore', tasks: [stored()], slaves: [] })
  t.equal(w.task('task-1')?.expiresAt, wallTime(5_000 + WAIT_LIMIT_MS))
})

t.test('what was stored of a task is what the core goes on with', async (t) => {
  const w = world({}, 1_000)
  const address = { by: 'http' as const, url: 'http://a' }
  const slaves = [{ name: 'a', address, position: 4, drained: true }]
  const trail: TrailEntry[] = [{ at: wallTime(1), event: 'taken', slave: 'a' }]
  const running = { slave: 'a', attempt: 'task-1:a:1', startedAt: wallTime(700) }
  const task = { priority: 3, runLimitMs: 77, createdAt: wallTime(5), tries: 2, trail }
  w.step({ is: 'restore', tasks: [stored({ ...task, running })], slaves })
  const { priority, runLimitMs, createdAt, tries } = task
  t.match(w.task('task-1'), {
    priority,
    runLimitMs,
    createdAt,
    tries,
    accepted: true,
    startedAt: wallTime(700),
    stage: { is: 'running', attempt: running.attempt },
  })
  t.same(
    w.task('task-1')?.trail.map(({ event }) => event),
    ['taken', 'master started'],
  )
  t.match(w.core.view.registry.byName.get('a'), { place: 4, drained: true, saved: true })
  t.equal(w.core.view.running, 1)
})

t.test('a slave that did not answer is told to drop what another has ended', async (t) => {
  const w = world()
  w.start('a')
  w.start('b')
  w.submit()
  const doubtful = w.offered()
  t.equal(doubtful.slave, 'a')
  w.silence(doubtful, true)
  const second = w.offered()
  t.equal(second.slave, 'b')
  w.answer(second, 'taken')
  w.callBack(second, { status: 'done', result: 1 })
  t.match(w.last('revoke'), [{ slave: 'a', attempts: [doubtful.attempt] }])
})

t.test('and what a client cancels, and what a refusal leaves in doubt', async (t) => {
  const cancelled = world()
  cancelled.start('a')
  cancelled.start('b')
  cancelled.submit()
  const doubtful = cancelled.offered()
  cancelled.silence(doubtful, true)
  const taken = cancelled.offered()
  cancelled.answer(taken, 'taken')
  cancelled.step({ is: 'cancel', task: 'task-1' })
  const revokes = cancelled.last('revoke').map(({ slave, attempts }) => [slave, ...attempts])
  t.same(revokes.toSorted(), [
    ['a', doubtful.attempt],
    ['b', taken.attempt],
  ])

  const refused = world()
  refused.start('a')
  refused.submit()
  const offer = refused.offered()
  refused.silence(offer, true)
  t.equal(refused.task('task-1')?.stage.is, 'doubt')
  const effects = refused.pass(2 * ASK_TIMEOUT_MS)
  t.match(
    effects.filter((effect) => effect.do === 'revoke'),
    [{ slave: 'a', attempts: [offer.attempt] }],
  )
  t.match(
    effects.filter((effect) => effect.do === 'refuse'),
    [{ problem: { type: 'slave-silent' } }],
  )
})
