// What hostile and runaway runs end as, and that those around them do not suffer.

import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { openPool } from './open-pool.ts'

t.test('ends an endless loop at its limit', async (t) => {
  const { compute, ended, pool } = openPool(t)
  await pool.ready()
  t.same(await compute('loop', null, 100), {
    status: 'failed',
    type: 'time-limit',
    message: 'exceeded its limit of 100 ms',
  })
  t.ok(ended[0]!.ranMs >= 100, `after ${ended[0]!.ranMs} ms`)
  t.same(await compute('echo', 1), { status: 'done', result: 1 })
})

t.test('ends a run that waits for ever at its limit', async (t) => {
  const { compute } = openPool(t)
  t.match(await compute('sleep', { ms: 60_000 }, 20), { type: 'time-limit' })
})

t.test('counts the limit from when a run is begun, not from when it came', async (t) => {
  const { run, outcome } = openPool(t)
  const attempts = Array.from({ length: 5 }, () => run('sleep', { ms: 300 }, 1400))
  const outcomes = await Promise.all(attempts.map(outcome))
  t.ok(outcomes.every(({ status }) => status === 'done'))
})

t.test('blames the run that hangs, not those sent with it', async (t) => {
  const { run, outcome, learnTiny, ended } = openPool(t)
  await learnTiny('spin', { ms: 0 })
  const count = ended.length
  const tiny = Array.from({ length: 10 }, () => run('spin', { ms: 0 }, 1000))
  const hanging = run('spin', { ms: 60_000 }, 1000)
  const behind = Array.from({ length: 10 }, () => run('spin', { ms: 0 }, 1000))
  t.match(await outcome(hanging), { type: 'time-limit' })
  const outcomes = await Promise.all([...tiny, ...behind].map(outcome))
  t.ok(outcomes.every(({ status }) => status === 'done'))
  t.equal(ended.length, count + 21)
})

t.test('does not count the time before a child begins a run', async (t) => {
  if (process.platform === 'win32') return t.pass('needs SIGSTOP')
  const { pool, run, outcome, pids, ended } = openPool(t)
  await pool.ready()
  process.kill(pids()[0]!, 'SIGSTOP')
  const attempt = run('echo', 1, 1000)
  await delay(1500)
  t.same(ended, [])
  process.kill(pids()[0]!, 'SIGCONT')
  t.match(await outcome(attempt), { status: 'done' })
})

t.test('gives up a child that never begins', async (t) => {
  if (process.platform === 'win32') return t.pass('needs SIGSTOP')
  const { pool, compute, pids } = openPool(t, { startLimitMs: 3000 })
  await pool.ready()
  process.kill(pids()[0]!, 'SIGSTOP')
  const type = 'executor-crashed'
  t.match(await compute('echo', 1, 20), { type, message: /did not start it within 3000 ms/ })
  t.match(await compute('echo', 2), { result: 2 })
})

t.test('reads what ended in time before it judges, though it was held up itself', async (t) => {
  const { pool, run, outcome, until } = openPool(t)
  await pool.ready()
  const attempt = run('sleep', { ms: 300 }, 1000)
  await until(() => pool.state().fed === 1)
  // From here a turn goes on with its timers, before it reads.
  await new Promise(setImmediate)
  const end = performance.now() + 2000
  while (performance.now() < end);
  t.match(await outcome(attempt), { status: 'done' })
})

t.test('keeps the shorter limit of a run sent ahead behind one with a longer', async (t) => {
  const { run, outcome, learnTiny } = openPool(t)
  await learnTiny('spin', { ms: 0 })
  const first = run('spin', { ms: 0 }, 60_000)
  const hanging = run('spin', { ms: 60_000 }, 50)
  t.match(await outcome(hanging), { type: 'time-limit' })
  t.match(await outcome(first), { status: 'done' })
})

t.test('gives what waits behind a long run to another executor', async (t) => {
  const { run, outcome, learnTiny, ended, pool } = openPool(t, { size: 2 })
  await pool.ready()
  await learnTiny('spin', { ms: 0 })
  const long = run('spin', { ms: 3000 })
  const tiny = Array.from({ length: 30 }, () => run('spin', { ms: 0 }))
  await Promise.all(tiny.map(outcome))
  t.notOk(ended.some(({ attempt }) => attempt === long))
  t.match(await outcome(long), { status: 'done' })
  t.equal(new Set(ended.map(({ attempt }) => attempt)).size, ended.length)
})

t.test('sends nothing ahead of a kind that is not tiny', async (t) => {
  const { run, until, pool, outcome } = openPool(t)
  await outcome(run('spin', { ms: 3 }))
  for (let index = 0; index < 10; index++) run('spin', { ms: 1000 })
  await until(() => pool.state().fed > 0)
  t.equal(pool.state().fed, 1)
  t.equal(pool.state().waiting, 9)
})

t.test('ends a run that fills the heap, and that one only', async (t) => {
  const { run, outcome, compute } = openPool(t, { heapMb: 64 })
  const greedy = run('heap')
  const next = run('echo', 1)
  t.same(await outcome(greedy), {
    status: 'failed',
    type: 'memory-limit',
    message: 'exceeded its limit of 64 MB of heap',
  })
  t.match(await outcome(next), { result: 1 })
  t.match(await compute('echo', 2), { result: 2 })
})

t.test('ends a run that takes memory outside the heap', async (t) => {
  if (process.platform !== 'linux') return t.pass('is watched on Linux only')
  const { compute } = openPool(t, { rssMaxMb: 300 })
  t.match(await compute('buffers'), { status: 'failed', type: 'memory-limit', message: /300 MB/ })
  t.match(await compute('echo', 2), { result: 2 })
})

t.test('reports a child that ends itself', async (t) => {
  const { compute, troubles } = openPool(t)
  t.match(await compute('exit', 0), { type: 'executor-crashed', message: /exit code 0/ })
  t.match(await compute('exit', 7), { type: 'executor-crashed', message: /exit code 7/ })
  t.match(await compute('segfault'), { type: 'executor-crashed', message: /SIGABRT|exit code/ })
  t.match(await compute('echo', 2), { result: 2 })
  t.equal(troubles.length, 3)
})

t.test('reports a child that is killed from outside', async (t) => {
  const { pool, run, outcome, until, pids } = openPool(t)
  const attempt = run('loop')
  await until(() => pool.state().fed === 1)
  process.kill(pids()[0]!, 'SIGKILL')
  t.match(await outcome(attempt), { type: 'executor-crashed', message: /SIGKILL/ })
})

t.test('blames the run that crashes, not those sent with it', async (t) => {
  const { run, outcome, learnTiny } = openPool(t)
  await learnTiny('spin', { ms: 0 })
  const attempts = Array.from({ length: 20 }, (_, index) =>
    run('spin', index === 9 ? { ms: 0, exit: 5 } : { ms: 0 }),
  )
  const outcomes = await Promise.all(attempts.map(outcome))
  t.same(outcomes.map(({ status }) => status).filter((status) => status === 'failed').length, 1)
  t.match(outcomes[9], { type: 'executor-crashed' })
})

t.test('kills a child that writes garbage', async (t) => {
  const { compute, run, outcome, troubles } = openPool(t)
  const lines = [
    'no json\n',
    '{}\n',
    '[[1]]\n',
    '[[1]]\t\n',
    '[[1,1,{"type":"evaluation"}]]\t\n',
    '[[1,-1,1]]\t1\n',
    '[[1,1,1]]\tx\n',
    '[[1,1,{"type":"mine","message":""}]]\t\n',
    '[[77,1,1]]\t1\n',
    '"ready"\n',
    '\n',
  ]
  for (const line of lines) {
    const type = 'executor-crashed'
    t.match(await compute('garbage', line, 60_000), { type, message: /invalid data/ }, line)
  }
  t.equal(troubles.length, lines.length)
  const half = run('garbage', '[[1,1,8]]\t"un', 100)
  t.match(await outcome(half), { type: 'time-limit' })
  t.match(await compute('echo', 2), { result: 2 })
})

t.test('kills a child whose line does not end', async (t) => {
  const { compute } = openPool(t, { resultBytesMax: 1000 })
  const endless = await compute('garbage', 'x'.repeat(2_000_000), 60_000)
  t.match(endless, { type: 'executor-crashed', message: /invalid data/ })
})

t.test('does not believe an answer for a run that the child does not have', async (t) => {
  const program = new URL('./fixtures/garbage-child.ts', import.meta.url)
  const { compute } = openPool(t, { program })
  t.match(await compute('echo'), { type: 'executor-crashed', message: /invalid data/ })
})

t.test('pauses longer and longer when children die at start-up', async (t) => {
  const program = new URL('./fixtures/dying-child.ts', import.meta.url)
  const { pool, run, until, troubles, ended } = openPool(t, { program })
  run('echo')
  const started = performance.now()
  await until(() => troubles.length === 3)
  t.ok(performance.now() - started >= 300, 'after 100 and 200 ms')
  t.match(troubles[0], /exit code 3: cannot start/)
  t.equal(pool.state().waiting, 1)
  t.same(ended, [])
})

t.test('ends a child that does not get ready in time', async (t) => {
  const { until, troubles } = openPool(t, { startLimitMs: 1 })
  await until(() => troubles.length > 0)
  t.match(troubles[0], /was not ready within 1 ms/)
})

t.test(
  'gives the next child longer to get ready, so that a busy machine has one at last',
  async (t) => {
    const program = new URL('./fixtures/slow-child.ts', import.meta.url)
    const { pool, troubles } = openPool(t, { program, startLimitMs: 200 })
    await pool.ready()
    t.match(troubles[0], /was not ready within 200 ms/)
    t.match(troubles[1], /was not ready within 400 ms/)
  },
)

t.test('tells of a kind that there is not', async (t) => {
  const { until, troubles } = openPool(t, { kinds: ['no-such-kind'] })
  await until(() => troubles.length > 0)
  t.match(troubles[0], /there is no kind "no-such-kind"/)
})
