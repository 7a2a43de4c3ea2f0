import t from 'tap'
import { isReached, parseHalt } from '../../../../master/cli/run/halt.ts'

const reached = (text: string, failed: number, succeeded = 0, total: number | null = 10) => {
  const halt = parseHalt(text)
  return halt !== null && isReached(halt, { failed, succeeded }, total)
}

t.test('ends a run after so many failures, successes or ends', async (t) => {
  t.same(
    [reached('soon,fail=2', 1, 9), reached('soon,fail=2', 2), reached('now,fail=2', 3)],
    [false, true, true],
  )
  t.same([reached('now,success=1', 9), reached('now,success=1', 0, 1)], [false, true])
  t.same([reached('soon,done=3', 1, 1), reached('soon,done=3', 1, 2)], [false, true])
  t.match(parseHalt('now,fail=1'), { when: 'now' })
  t.match(parseHalt('soon,fail=1'), { when: 'soon' })
})

t.test('ends a run after a share of the inputs, once their number is known', async (t) => {
  t.same([reached('soon,fail=20%', 1), reached('soon,fail=20%', 2)], [false, true])
  t.equal(reached('soon,fail=20%', 2, 0, null), false)
  t.equal(reached('soon,fail=20%', 0, 0, 0), false)
  t.same(parseHalt('5%'), parseHalt('soon,fail=5%'))
})

t.test('never ends it early when told so, and knows the short forms', async (t) => {
  t.equal(parseHalt('never'), null)
  t.equal(parseHalt('0'), null)
  t.same(parseHalt('1'), parseHalt('soon,fail=1'))
  t.same(parseHalt('2'), parseHalt('now,fail=1'))
})

t.test('refuses what it does not know', async (t) => {
  for (const text of [
    '',
    'fail=1',
    'soon',
    'soon,fail',
    'soon,fail=0',
    'later,fail=1',
    'now,fail=101%',
  ]) {
    t.throws(() => parseHalt(text), { name: 'UsageError', message: /must be never, or such as/ })
  }
})
