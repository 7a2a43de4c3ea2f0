// Which children serve, with children that only exist on paper.

import { mock } from 'node:test'
import type { Test } from 'tap'
import { test } from 'tap'
import type { Executor } from '../../../slave/executor/executor.ts'
import type { Member } from '../../../slave/executor/member.ts'
import { createMembers } from '../../../slave/executor/members.ts'

function setUp(t: Test, options: Partial<Parameters<typeof createMembers>[0]> = {}) {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const killed: number[] = []
  const started: Member[] = []
  const able: boolean[] = []
  const troubles: string[] = []
  let pids = 0
  const members = createMembers({
    size: 1,
    spares: 1,
    startLimitMs: 1000,
    recycleTasks: 10,
    recycleMsMin: 0,
    start: (member) => {
      const pid = ++pids
      // The member is there once the child is.
      queueMicrotask(() => started.push(member()))
      const kill = () => void killed.push(pid)
      return { pid, kill, closed: Promise.resolve() } as unknown as Executor
    },
    onTrouble: (message) => void troubles.push(message),
    onAble: (now) => void able.push(now),
    onChange: () => {},
    onWatch: () => {},
    ...options,
  })
  t.teardown(() => members.close())
  members.tend()
  return {
    members,
    started,
    killed,
    able,
    troubles,
    /** Until what was planned for soon is done. */
    turn: () => new Promise<void>((resolve) => void setImmediate(() => setImmediate(resolve))),
    serving: () => members.serving().map(({ executor }) => executor.pid),
    there: () => members.all().map(({ executor, state }) => `${executor.pid} ${state}`),
    /** A child dies before it is ready. */
    die: (member: Member) => {
      members.diedEarly()
      members.remove(member)
      members.tendSoon()
    },
  }
}

test('a spare starts when enough children serve, and not beside those that are waited for', async (t) => {
  const { members, started, turn, there, serving } = setUp(t)
  await turn()
  t.same(there(), ['1 starting'])
  members.isReady(started[0]!)
  t.same(there(), ['1 ready', '2 starting'])
  await members.allReady()
  await turn()
  members.isReady(started[1]!)
  t.same(serving(), [1], 'a spare does not serve')
})

test('a spare serves at once in place of a member that is gone, and another one starts', async (t) => {
  const { members, started, killed, turn, there, serving } = setUp(t)
  await turn()
  members.isReady(started[0]!)
  await turn()
  members.isReady(started[1]!)
  members.remove(started[0]!)
  t.same(serving(), [2])
  t.same(killed, [1])
  members.tendSoon()
  await turn()
  t.same(there(), ['2 ready', '3 starting'])
})

test('a worn-out member leaves when another one can serve, and finishes its runs first', async (t) => {
  const { members, started, turn, there } = setUp(t, { spares: 0 })
  await turn()
  const first = started[0]!
  members.isReady(first)
  first.sent = 10
  first.fed.set(10, undefined)
  t.ok(members.isWorn(first))
  members.tendSoon()
  await turn()
  t.same(there(), ['1 ready', '2 starting'], 'it serves until the other is ready')
  members.isReady(started[1]!)
  t.same(there(), ['2 ready', '1 leaving'])
})

test('a child that dies before it is ready is replaced after a pause, which doubles', async (t) => {
  const { started, turn, there, die } = setUp(t)
  await turn()
  for (const pauseMs of [100, 200, 400]) {
    die(started.at(-1)!)
    await turn()
    mock.timers.tick(pauseMs - 1)
    t.same(there(), [], `not within ${pauseMs} ms`)
    mock.timers.tick(1)
    t.equal(there().length, 1)
    await turn()
  }
})

test('a pool cannot compute after three failed starts, and can when one child is ready', async (t) => {
  const { members, started, able, turn, die } = setUp(t)
  await turn()
  for (let i = 0; i < 3; i++) {
    t.same(able, [])
    die(started.at(-1)!)
    await turn()
    mock.timers.tick(10_000)
    await turn()
  }
  t.same(able, [false])
  members.isReady(started.at(-1)!)
  t.same(able, [false, true])
})

test('a start that fails is reported and tried again after a pause', async (t) => {
  let failures = 0
  const { troubles, turn } = setUp(t, {
    start: () => {
      failures++
      throw new Error('no process')
    },
  })
  await turn()
  mock.timers.tick(100)
  t.equal(failures, 2)
  t.match(troubles, [/could not be started: Error: no process/, /no process/])
})

test('a child that is late doubles the time of the next one, up to a limit', async (t) => {
  const watched: number[] = []
  const { members, started, turn } = setUp(t, { onWatch: (at) => void watched.push(at) })
  await turn()
  const given = () => Math.round(started.at(-1)!.checkAt - started.at(-1)!.startedAt)
  const all = [given()]
  for (let i = 0; i < 6; i++) {
    members.isLate(started.at(-1)!)
    members.remove(started.at(-1)!)
    mock.timers.tick(10_000)
    await turn()
    all.push(given())
  }
  t.same(all, [1000, 2000, 4000, 8000, 16_000, 16_000, 16_000])
  t.equal(watched.at(-1), started.at(-1)!.checkAt)
})

test('a pool that is closed before its children are ready says so, and starts no more', async (t) => {
  const { members, killed, turn, there } = setUp(t)
  const ready = members.allReady()
  members.tendSoon()
  await members.close()
  await t.rejects(ready, /closed before its executors were ready/)
  await turn()
  t.same(killed, [1])
  t.same(there(), [])
})
