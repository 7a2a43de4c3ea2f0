// The queue of commands and their launchers, with launchers that the test plays.

import { mock } from 'node:test'
import type { Test } from 'tap'
import t from 'tap'
import type { LauncherEvents } from '../../../slave/commands/launchers.ts'
import { createLaunchers } from '../../../slave/commands/launchers.ts'
import type { Order } from '../../../slave/commands/order.ts'
import type { RunEnded } from '../../../slave/executor/executors.ts'

/** A launcher that does what the test says. */
function fake(events: LauncherEvents) {
  const gone = Promise.withResolvers<void>()
  const orders: string[] = []
  const launcher = {
    orders,
    stopped: 0,
    ended: false,
    gone: gone.promise,
    order: (order: Order) => void orders.push(order.attempt),
    stop: () => void launcher.stopped++,
    end(): Promise<void> {
      launcher.ended = true
      launcher.die('was ended by SIGKILL')
      return gone.promise
    },
    ready: () => events.onNews({ is: 'ready' }),
    finish: (attempt: string, clean = true) =>
      events.onNews({ is: 'ended', attempt, outcome: DONE, ranMs: 5, clean }),
    die(how: string): void {
      events.onGone(how)
      gone.resolve()
    },
  }
  return launcher
}
type Fake = ReturnType<typeof fake>

const DONE = { status: 'done', result: null } as const

function setUp(size = 2) {
  const started: Fake[] = []
  const ended: RunEnded[] = []
  const released: string[] = []
  const launchers = createLaunchers<Fake>({
    size,
    graceMs: 10,
    onEnded: (list) => void ended.push(...list),
    onTrouble: () => {},
    start: (events) => {
      const launcher = fake(events)
      started.push(launcher)
      return launcher
    },
  })
  const run = (attempt: string) =>
    launchers.run({
      attempt,
      runLimitMs: 1000,
      prepare: () => ({ attempt }) as Order,
      release: () => void released.push(attempt),
    })
  return { launchers, started, ended, released, run }
}
/** Timers fire when the test says so. */
function holdTime(t: Test): void {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
}

const attempts = (ended: RunEnded[]) => ended.map(({ attempt }) => attempt)

t.test('keeps one launcher ready, and never more than its size', async (t) => {
  const { launchers, started, run } = setUp(2)
  t.equal(started.length, 1)
  started[0]?.ready()
  run('a')
  t.same(started[0]?.orders, ['a'])
  t.equal(started.length, 2, 'the next run need not wait for a start')
  run('b')
  run('c')
  t.equal(started.length, 2)
  t.ok(launchers.waits('b') && launchers.waits('c') && !launchers.waits('a'))
  started[1]?.ready()
  t.same(started[1]?.orders, ['b'])
  started[0]?.finish('a')
  t.same(started[0]?.orders, ['a', 'c'], 'a launcher is used again')
  await launchers.close()
})

t.test('a run has ended when its files are back, and then once', async (t) => {
  const { launchers, started, ended, released, run } = setUp()
  started[0]?.ready()
  run('a')
  started[0]?.finish('a')
  t.same(released, ['a'])
  t.same(ended, [{ attempt: 'a', outcome: DONE, ranMs: 5 }])
  started[0]?.finish('a')
  t.equal(ended.length, 1)
  await launchers.close()
})

t.test('a launcher with processes left ends before the run has ended', async (t) => {
  const { launchers, started, ended, run } = setUp(1)
  started[0]?.ready()
  run('a')
  run('b')
  started[0]?.finish('a', false)
  t.equal(started[0]?.ended, true)
  t.same(ended, [])
  await started[0]?.gone
  t.same(attempts(ended), ['a'])
  t.equal(started.length, 2, 'another one takes its place')
  started[1]?.ready()
  t.same(started[1]?.orders, ['b'])
  await launchers.close()
})

t.test('a killed run has no outcome, and is over when its processes are', async (t) => {
  const { launchers, started, ended, released, run } = setUp(1)
  started[0]?.ready()
  run('a')
  run('b')
  await launchers.kill('b')
  let isOver = false
  const over = launchers.kill('a').then(() => (isOver = true))
  void launchers.kill('a')
  t.equal(started[0]?.stopped, 1)
  await Promise.resolve()
  t.notOk(isOver)
  started[0]?.finish('a')
  await over
  t.same(released, ['a'])
  t.same(ended, [])
  await launchers.kill('unknown')
  await launchers.close()
})

t.test('a run whose launcher dies is crashed, and its files come back', async (t) => {
  const { launchers, started, ended, released, run } = setUp()
  started[0]?.ready()
  run('a')
  started[0]?.die('was ended by SIGKILL')
  t.match(ended, [{ attempt: 'a', outcome: { type: 'executor-crashed', message: /SIGKILL/ } }])
  t.same(released, ['a'])
  await launchers.close()
})

t.test('a run whose folder is gone is crashed, and the launcher goes on', async (t) => {
  const { launchers, started, ended, run } = setUp()
  started[0]?.ready()
  launchers.run({
    attempt: 'a',
    runLimitMs: 1,
    prepare: () => {
      throw new Error('no such folder')
    },
    release: () => t.fail('it was not prepared'),
  })
  t.same(ended, [], 'not within run()')
  await Promise.resolve()
  t.match(ended, [{ outcome: { type: 'executor-crashed', message: /no such folder/ } }])
  run('b')
  t.same(started[0]?.orders, ['b'])
  await launchers.close()
})

t.test('where no launcher starts, runs fail after some tries', async (t) => {
  holdTime(t)
  const { launchers, started, ended, run } = setUp(1)
  run('a')
  for (let n = 0; n < 3; n++) {
    t.same(ended, [])
    started[n]?.die('ended with exit code 1')
    mock.timers.tick(1000)
  }
  await Promise.resolve()
  t.match(ended, [{ attempt: 'a', outcome: { type: 'executor-crashed', message: /no launcher/ } }])
  await launchers.close()
})

t.test('a launcher that does not end its run in time is ended', async (t) => {
  holdTime(t)
  const { launchers, started, ended, run } = setUp()
  started[0]?.ready()
  run('a')
  mock.timers.tick(1000 + 10 + 29_000)
  t.equal(started[0]?.ended, false)
  mock.timers.tick(2000)
  t.equal(started[0]?.ended, true)
  t.same(attempts(ended), ['a'])
  await launchers.close()
})
