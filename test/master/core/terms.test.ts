// What a client says of its task beyond the usual: tries, exit codes to try again after, needs.

import t from 'tap'
import { explain } from '../../../master/core/explain.ts'
import type { Terms } from '../../../master/core/needs.ts'
import { asked, reasonOf } from '../../../master/core/trail.ts'
import type { Outcome } from '../../../shared/protocol/wire.ts'
import { instant } from '../../instants.ts'
import { world } from '../core-world.ts'

const terms = (more: Partial<Terms>): Terms => ({
  needs: [],
  attemptsMax: null,
  retryOn: [],
  ...more,
})
const exit = (exitCode: number): Outcome => ({
  status: 'failed',
  type: 'exit-code',
  message: `p ended with exit code ${exitCode}`,
  exitCode,
  signal: null,
})
const needs = [{ is: 'feature', name: 'files' }] as const
const missing: Outcome = { status: 'failed', type: 'program-missing', message: 'not installed' }

t.test('a program that fails is not run again, unless its exit code is listed', async (t) => {
  const w = world({ attemptsMax: 3, retryBackoffMs: 10 })
  w.start('a')
  w.callBack(w.running(), exit(75))
  t.match(w.last('end')[0]?.task.stage, { status: 'failed', outcome: exit(75) })

  w.callBack(w.running({ terms: terms({ retryOn: [75] }) }), exit(1))
  t.match(w.last('end')[0]?.task.stage, { status: 'failed', outcome: exit(1) })

  w.callBack(w.running({ terms: terms({ retryOn: [75] }) }), exit(75))
  t.same(w.last('end'), [], 'it is tried again')
  w.pass(20)
  t.equal(w.offered().task.tries, 1)
})

t.test('tries that are used up keep the exit code, whatever was lost before', async (t) => {
  const w = world({ attemptsMax: 9, retryBackoffMs: 10 })
  w.start('a')
  const lost = w.running({ terms: terms({ attemptsMax: 2, retryOn: [75] }) })
  const crashed = { status: 'failed', type: 'executor-crashed', message: 'gone' } as const
  w.callBack(lost, crashed)
  w.pass(20)
  const again = w.offered()
  w.answer(again, 'taken')
  w.callBack(again, exit(75))
  const stage = w.last('end')[0]?.task.stage
  t.match(stage, { status: 'failed', outcome: { type: 'exit-code', exitCode: 75 } })
})

t.test('a task of one try ends with the slave that is lost', async (t) => {
  const w = world({ attemptsMax: 3 })
  w.start('a')
  w.running({ terms: terms({ attemptsMax: 1 }) })
  w.start('a', 1, 'boot-2')
  t.match(w.last('end')[0]?.task.stage, { status: 'failed' })
})

t.test('dry run, refusal and trail say what each slave lacks', async (t) => {
  const w = world()
  w.start('a')
  w.start('b')
  const why = 'is of a version without "files"'
  const said = explain(w.core.view, { kind: 'work', terms: terms({ needs }) }, instant(w.now))
  const lacking = (slave: string) => ({ slave, available: false, state: 'unable', reason: why })
  t.same(said, { wouldAsk: null, slaves: [lacking('a'), lacking('b')] })

  w.submit({ terms: terms({ needs }) })
  const [refused] = w.last('refuse')
  t.equal(refused?.problem.type, 'no-capable-slave')
  t.match(refused?.problem.message, why)
  t.same(
    refused?.task.trail.map((entry) => [entry.event, entry.slave, reasonOf(entry)]),
    [
      ['unable', 'a', why],
      ['unable', 'b', why],
    ],
  )
  t.equal(asked(refused?.task.trail ?? []).length, 2)

  w.submit()
  t.equal(w.offered().slave, 'a', 'other tasks are offered as ever')
})

t.test('a program that is missing on one slave is tried on another, which is no try', async (t) => {
  const w = world({ attemptsMax: 3 })
  for (const name of ['a', 'b']) w.card(name, { features: ['files'] })
  w.start('a')
  w.start('b')
  const first = w.running({ terms: terms({ needs, attemptsMax: 1 }) })
  t.equal(first.slave, 'a')
  w.callBack(first, missing)
  t.same(w.last('end'), [])
  const second = w.offered()
  t.match(second, { slave: 'b', task: { tries: 0 } })
  t.ok(second.task.trail.some(({ event, slave }) => event === 'program-missing' && slave === 'a'))
  w.answer(second, 'taken')

  w.submit({ terms: terms({ needs }) })
  t.same(w.last('offer'), [], 'this process is not asked for such tasks again')
  w.submit()
  t.equal(w.offered().slave, 'a', 'but for others')
})

t.test('a program that no other slave has ends the task, and does not wait', async (t) => {
  const w = world({ attemptsMax: 3 })
  w.card('a', { features: ['files'] })
  w.start('a')
  w.callBack(w.running({ terms: terms({ needs }) }), missing)
  t.match(w.last('end')[0]?.task.stage, { status: 'failed', outcome: missing })
})

t.test('what a process said that has been replaced does not count for the new one', async (t) => {
  const w = world({ attemptsMax: 3 })
  w.card('a', { features: ['files'] })
  w.start('a')
  w.submit({ terms: terms({ needs }), waitUntil: instant(w.now + 50_000) })
  const asked = w.offered()
  const before = w.state('a')
  w.start('a', 1, 'boot-2')
  const { attempt } = asked
  const answers = [{ attempt, answer: 'unable' as const, reason: 'it is not installed' }]
  w.step({ is: 'answers', slave: 'a', state: before, answers })
  w.pass(2_000)
  t.ok(w.core.view.registry.has(w.slave('a'), asked.task.ability))
})

t.test('a slave that has just started, and not registered yet, may be able', async (t) => {
  const w = world()
  w.start('a')
  w.start('b')
  const features = ['files']
  w.card('b', { features })
  w.start('b', 1, 'boot-2')
  const url = 'http://b'
  const state = { ...w.state('b'), boot: 'boot-3' }
  const { boot, slots } = state
  const card = { name: 'b', boot, version: '2', kinds: ['work'], tags: [], slots, features }
  const refusedWith = (master?: string) => {
    const reportsTo = [{ url: 'http://m', ...(master ? { master } : {}) }]
    const said = { card, state, attempts: [], reportsTo }
    // Another boot each time: what it reports is noted once.
    w.slave('b').reports = 'unsaid'
    w.step({ is: 'visited', name: 'b', url, said, token: null })
    w.submit({ terms: terms({ needs }) })
    return w.last('refuse')[0]?.problem.type
  }
  t.equal(refusedWith(), 'at-capacity')
  t.equal(refusedWith('another'), 'no-capable-slave')
})
