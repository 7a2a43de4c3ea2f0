import t from 'tap'
import { openPool } from './open-pool.ts'

t.test('drops a killed run from the line', async (t) => {
  const { pool, run, outcome, ended } = openPool(t)
  const first = run('sleep', { ms: 20 })
  const killed = run('echo', 1)
  const last = run('echo', 2)
  pool.kill(killed)
  pool.kill(killed)
  t.equal(pool.state().waiting, 2)
  await Promise.all([first, last].map(outcome))
  t.same(
    ended.map(({ attempt }) => attempt),
    [first, last],
  )
})

t.test('kills a run in its executor, and the next run comes to its turn', async (t) => {
  const { pool, run, until, outcome, ended, pids, troubles } = openPool(t)
  await pool.ready()
  const [before] = pids()
  const killed = run('loop')
  await until(() => pool.state().fed === 1)
  const next = run('pid')
  pool.kill(killed)
  const { result } = (await outcome(next)) as { result: number }
  t.not(result, before)
  t.equal(ended.length, 1)
  t.same(troubles, [])
})

t.test('kills a run that waits down the pipe of a child', async (t) => {
  const { pool, run, until, outcome, ended, learnTiny, pids } = openPool(t)
  await learnTiny('spin', { ms: 0 })
  const before = pids()
  const count = ended.length
  const first = run('spin', { ms: 1000 })
  const killed = run('spin', { ms: 60_000 })
  const last = run('spin', { ms: 0 })
  await until(() => pool.state().fed === 3)
  pool.kill(killed)
  await Promise.all([first, last].map(outcome))
  await until(() => pool.state().fed === 0)
  t.equal(ended.length, count + 2)
  t.same(pids(), before, 'the child lives on')
})

t.test('takes a killed attempt again', async (t) => {
  const { pool, run, until, outcome } = openPool(t)
  const attempt = run('loop')
  await until(() => pool.state().fed === 1)
  pool.kill(attempt)
  pool.run({ attempt, kind: 'echo', input: 3, runLimitMs: 1000 })
  t.match(await outcome(attempt), { result: 3 })
})

t.test('ends each run once or not at all, whatever is killed and whatever crashes', async (t) => {
  const { pool, run, until, ended, learnTiny } = openPool(t, {
    size: 2,
    spares: 1,
    recycleTasks: 300,
    recycleMsMin: 0,
  })
  await learnTiny('spin', { ms: 0 })
  ended.length = 0
  const kept = new Set<string>()
  const killed = new Set<string>()
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  for (let round = 0; round < 20; round++) {
    for (let index = 0; index < 50; index++) {
      const dice = random(200)
      const attempt =
        dice === 0
          ? run('exit', 1)
          : dice === 1
            ? run('loop', null, 30)
            : run('spin', { ms: dice < 6 ? dice * 3 : 0 })
      if (random(20) === 0) killed.add(attempt)
      else kept.add(attempt)
    }
    await new Promise((resolve) => setTimeout(resolve, random(6)))
    for (const attempt of killed) {
      const isEnded = ended.some((one) => one.attempt === attempt)
      pool.kill(attempt)
      killed.delete(attempt)
      if (isEnded) kept.add(attempt)
    }
  }
  await until(() => ended.length >= kept.size)
  await until(() => pool.state().fed + pool.state().waiting === 0)
  t.equal(ended.length, kept.size)
  t.ok(ended.every(({ attempt }) => kept.delete(attempt)))
})
