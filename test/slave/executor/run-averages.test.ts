import { test } from 'tap'
import { createRunAverages } from '../../../slave/executor/run-averages.ts'

test('nothing is known of a kind that has not run, so nothing is sent ahead', (t) => {
  const averages = createRunAverages(2)
  averages.learn(1, 0.1)
  t.notOk(averages.isTiny(0))
  t.notOk(averages.maySendAhead(0, 1))
  t.ok(averages.isTiny(1))
  t.end()
})

test('a kind is tiny up to a millisecond on average', (t) => {
  const averages = createRunAverages(1)
  averages.learn(0, 1)
  t.ok(averages.isTiny(0))
  averages.learn(0, 1.1)
  t.notOk(averages.isTiny(0))
  t.notOk(averages.maySendAhead(0, 1))
  t.end()
})

test('one long run among tiny ones counts as 10 ms, and the kind stays tiny', (t) => {
  const averages = createRunAverages(1)
  averages.learn(0, 0.1)
  averages.learn(0, 60_000)
  t.ok(averages.isTiny(0))
  averages.learn(0, 60_000)
  t.notOk(averages.isTiny(0), 'two are a trend')
  t.end()
})

test('runs are sent ahead up to 256, and up to 5 ms of work', (t) => {
  const averages = createRunAverages(2)
  averages.learn(0, 0.01)
  averages.learn(1, 0.5)
  t.same([averages.maySendAhead(0, 255), averages.maySendAhead(0, 256)], [true, false])
  t.same([averages.maySendAhead(1, 9), averages.maySendAhead(1, 10)], [true, false])
  t.end()
})
