import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Raw } from '../../../shared/data/raw-json.ts'
import { openPool } from './open-pool.ts'

t.test('gives the result of a run, with its type and text', async (t) => {
  const { compute } = openPool(t)
  t.same(await compute('echo', { a: [1, 'ü\n', null] }), {
    status: 'done',
    result: { a: [1, 'ü\n', null] },
  })
  t.same(await compute('typed'), {
    status: 'done',
    result: '1e400',
    resultType: 'BigNumber',
    resultText: '1e+400',
  })
  t.same(await compute('nothing'), { status: 'done', result: null })
})

t.test('computes the real kinds', async (t) => {
  const kindsModule = new URL('../../../shared/kinds/load-kinds.ts', import.meta.url)
  const { compute } = openPool(t, { kinds: ['sleep'], kindsModule })
  t.same(await compute('sleep', { ms: 5 }), { status: 'done', result: { sleptMs: 5 } })
})

t.test('ends every run of a long line exactly once', async (t) => {
  const { run, until, ended, lists } = openPool(t, { size: 2 })
  const count = 20_000
  for (let index = 0; index < count; index++) run(index % 2 ? 'echo' : 'late', index)
  await until(() => ended.length >= count)
  t.equal(new Set(ended.map(({ attempt }) => attempt)).size, count)
  t.equal(ended.length, count)
  t.ok(ended.every(({ attempt, outcome }) => `attempt-${resultOf(outcome) + 1}` === attempt))
  t.ok(lists.length < count / 4, `in lists: ${lists.length} of them`)
})

const resultOf = (outcome: object) => (outcome as { result: number }).result

t.test('computes side by side, first come first served', async (t) => {
  const { run, outcome, pool, ended } = openPool(t, { size: 2 })
  await pool.ready()
  const first = run('sleep', { ms: 30 })
  run('sleep', { ms: 60_000 })
  const third = run('sleep', { ms: 1 })
  await Promise.all([first, third].map(outcome))
  t.same(
    ended.map(({ attempt }) => attempt),
    [first, third],
  )
})

t.test('tells what waits in the line from what an executor has', async (t) => {
  const { pool, run, until } = openPool(t)
  await pool.ready()
  const [first, second] = [run('sleep', { ms: 60_000 }), run('sleep', { ms: 1 })]
  t.ok(pool.waits(first))
  await until(() => pool.state().fed === 1)
  t.notOk(pool.waits(first))
  t.ok(pool.waits(second))
  t.notOk(pool.waits('no such attempt'))
})

t.test('tells a failure with a type from other things thrown', async (t) => {
  const { compute } = openPool(t)
  const failure = (type: string, message: string) => ({ status: 'failed', type, message })
  t.same(await compute('thrown', 'failure'), failure('rejected-expression', 'not this one'))
  t.same(await compute('thrown', 'error'), failure('evaluation', 'an error'))
  t.same(await compute('thrown', 'text'), failure('evaluation', 'a text'))
  t.same(await compute('thrown', 'nothing'), failure('evaluation', 'undefined'))
  t.match(await compute('thrown', 'hostile'), { type: 'evaluation' })
  t.match(await compute('circular'), { type: 'evaluation' })
  t.match(await compute('bigint'), { type: 'evaluation' })
  t.same(await compute('echo', 1), { status: 'done', result: 1 })
})

t.test('a file of a task that changes during the run ends it, whatever the kind', async (t) => {
  const folder = t.testdir({ f: 'abc' })
  const { pool, outcome } = openPool(t, {
    kinds: ['reads'],
    folders: { read: [], write: [folder] },
  })
  const run = (attempt: string, input: string) => {
    const work = { files: { f: join(folder, 'f') }, out: folder, shared: null }
    pool.run({ attempt, kind: 'reads', input, runLimitMs: 20_000, work })
    return outcome(attempt)
  }
  t.same(await run('a1', 'only'), { status: 'done', result: 'abc' })
  for (const how of ['writes', 'fails']) {
    const message = /^f changed while it was read/
    t.match(await run(how, how), { status: 'failed', type: 'file-changed', message }, how)
  }
})

t.test('refuses a result over the limit inside the child', async (t) => {
  const { compute, pids, pool } = openPool(t, { resultBytesMax: 100_000 })
  await pool.ready()
  const before = pids()
  t.match(await compute('huge', 99_000), { status: 'done' })
  t.match(await compute('huge', 100_001), { status: 'failed', type: 'result-too-large' })
  t.same(pids(), before)
})

t.test('takes an input that was written on several lines', async (t) => {
  const { compute } = openPool(t)
  t.match(await compute('echo', new Raw('[\n1,\n"a\\n"\n]')), { result: [1, 'a\n'] })
})

t.test('refuses an input that cannot be encoded and goes on', async (t) => {
  const { run, outcome } = openPool(t)
  const attempts = [run('echo', 1), run('echo', 2n), run('echo', 2)]
  t.match(await outcome(attempts[1]!), { status: 'failed', type: 'rejected-input' })
  t.match(await outcome(attempts[0]!), { result: 1 })
  t.match(await outcome(attempts[2]!), { result: 2 })
})

t.test('keeps what a kind prints off the channel', async (t) => {
  const { compute } = openPool(t)
  t.same(await compute('print', 7), { status: 'done', result: 7 })
  t.same(await compute('echo', 8), { status: 'done', result: 8 })
})

t.test('gives a child no environment but UTC, whatever the zone of the slave', async (t) => {
  const { compute } = openPool(t)
  t.same(await compute('environment'), { status: 'done', result: { TZ: 'UTC' } })
})

t.test('keeps a warm spare, which steps in when a child is killed', async (t) => {
  const { compute, pids, allReady } = openPool(t, { spares: 1 })
  await allReady()
  const [serving, spare] = pids()
  t.match(await compute('pid'), { result: serving })
  await compute('loop', null, 20)
  t.match(await compute('pid'), { result: spare })
  await allReady()
  t.equal(pids().length, 2)
})

t.test('says that no child starts, and when one does', async (t) => {
  const marker = join(t.testdir(), 'mended')
  const said: boolean[] = []
  const { until, compute } = openPool(t, {
    onAble: (able) => void said.push(able),
    folders: { read: [t.testdirName], write: [] },
    kindsModule: new URL(`fixtures/broken-until.ts?${encodeURIComponent(marker)}`, import.meta.url),
  })
  await until(() => said.length === 1)
  writeFileSync(marker, '')
  t.same(await compute('echo', 1), { status: 'done', result: 1 })
  t.same(said, [false, true])
})

t.test('replaces a child after its share of runs, without a gap', async (t) => {
  const { run, until, ended, pool, troubles } = openPool(t, { recycleTasks: 100, recycleMsMin: 0 })
  const first = pool.state().executors[0]!.pid
  await pool.ready()
  const seen = new Set<number>()
  for (let round = 0; seen.size < 3; round++) {
    for (let index = 0; index < 50; index++) run('pid')
    await until(() => ended.length === (round + 1) * 50)
    for (const { outcome } of ended.slice(-50)) seen.add(resultOf(outcome))
  }
  t.ok(seen.has(first!))
  t.ok(ended.every(({ outcome }) => outcome.status === 'done'))
  t.same(troubles, [])
  await until(() => !alive(first!))
})

t.test('ends its children when it is closed, twice is once', async (t) => {
  const { pool, run, pids, ended } = openPool(t, { size: 2, spares: 1 })
  await pool.ready()
  run('loop')
  run('sleep', { ms: 60_000 })
  run('echo', 1)
  const before = pids()
  await Promise.all([pool.close(), pool.close()])
  await pool.close()
  t.same(
    before.map((pid) => alive(pid!)),
    [false, false, false],
  )
  run('echo', 2)
  pool.kill('attempt-1')
  t.same(ended, [])
})

t.test('says that it will never be ready when it is closed before', async (t) => {
  const { pool } = openPool(t)
  const ready = pool.ready()
  await pool.close()
  await t.rejects(ready)
})

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
