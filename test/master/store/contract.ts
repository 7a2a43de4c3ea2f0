// What every store must do; each driver's test runs it. Waiting, crashes and the disk are for the
// driver's own tests.

import type { Test } from 'tap'
import type {
  Store,
  TaskRecord,
  TaskStatus,
  TaskUpdate,
  TrailEntry,
} from '../../../master/store/store.ts'
import {
  LIST_PAYLOAD_BYTES_MAX,
  LIST_SCAN_ROWS_MAX,
  StoreConflictError,
  TRIM_SCAN_ROWS,
} from '../../../master/store/store.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { anEndedTask, aTask, commit, end, insert, listAll, update } from './records.ts'

export type Opened = {
  store: Store
  /** Closes the store and opens it again on what it kept. */
  reopen: () => Promise<Store>
}

/** Makes an empty store; the driver's test registers its teardown. */
export type Open = (t: Test) => Opened

export function storeContract(t: Test, name: string, open: Open): void {
  void t.test(`${name}: durability`, async (t) => durability(t, open))
  void t.test(`${name}: ends`, async (t) => ends(t, open))
  void t.test(`${name}: what a restart reads`, async (t) => loading(t, open))
  void t.test(`${name}: lists`, async (t) => lists(t, open))
  void t.test(`${name}: keys and values`, async (t) => keysAndValues(t, open))
  void t.test(`${name}: counts and trimming`, async (t) => countsAndTrimming(t, open))
}

async function durability(t: Test, open: Open): Promise<void> {
  await t.test('keeps every field of a task over a restart', async (t) => {
    const { store, reopen } = open(t)
    const plain = aTask()
    const full = anEndedTask({
      priority: -7,
      attempt: 'attempt-1',
      waitUntil: wallTime(1_800_000_001_000),
      tags: ['a', 'b "c"', ''],
      idempotencyKey: 'key',
      requestHash: 'hash',
      queueMs: 90_000,
      trace: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 a=1',
      trail: [
        {
          at: wallTime(1),
          event: 'busy',
          slave: 'slave-1',
          reason: 'running 1 of 1',
          knownMs: 12.5,
        },
        { at: wallTime(2), event: 'taken', slave: 'slave-2', ms: 0.25 },
      ],
    })
    await commit(store, insert(plain), insert(full))
    const again = await reopen()
    t.strictSame(await again.get(plain.id), plain)
    t.strictSame(await again.get(full.id), full)
  })

  await t.test('writes each column of an update, and no other', async (t) => {
    const { store, reopen } = open(t)
    const trail: TrailEntry[] = [
      { at: wallTime(3), event: 'lost', slave: 'slave-9', reason: 'gone' },
    ]
    const columns = {
      status: 'failed',
      startedAt: wallTime(11),
      endedAt: wallTime(12),
      waitUntil: wallTime(13),
      slave: 'slave-9',
      attempt: 'attempt-9',
      tries: 14,
      outcome: '{"result":15}',
      trail,
    } satisfies Omit<TaskUpdate, 'id'>
    const full = {
      startedAt: wallTime(1),
      waitUntil: wallTime(3),
      slave: 's',
      attempt: 'a',
      tries: 4,
    }
    const empty = { startedAt: null, waitUntil: null, slave: null, attempt: null, tries: 0 }
    const wanted: TaskRecord[] = []
    for (const from of [{ status: 'pending' }, { status: 'in progress', ...full }] as const) {
      for (const column of Object.keys(columns) as (keyof typeof columns)[]) {
        const task = aTask(from)
        const change = { [column]: columns[column] }
        await commit(store, insert(task), update(task, change))
        wanted.push({ ...task, ...change })
        if (!(column in empty)) continue
        const emptied = aTask(from)
        const none = { [column]: empty[column as keyof typeof empty] }
        await commit(store, insert(emptied), update(emptied, none))
        wanted.push({ ...emptied, ...none })
      }
    }
    const again = await reopen()
    for (const task of wanted) t.strictSame(await again.get(task.id), task)
  })

  await t.test(
    'keeps the trail of a task that the first slave took, and its neighbours',
    async (t) => {
      const { store, reopen } = open(t)
      const at = { startedAt: wallTime(1_800_000_000_001), endedAt: wallTime(1_800_000_000_005) }
      const taken: TrailEntry = { at: at.startedAt, event: 'taken', slave: 'slave-1', ms: 0.512 }
      const done: TrailEntry = { at: at.endedAt, event: 'done', slave: 'slave-1' }
      const { ms: _, ...untimed } = taken
      const usual = [taken, done]
      const trails: [Partial<TaskRecord>, TrailEntry[]][] = [
        [{}, usual],
        [{}, []],
        [{}, [taken]],
        [{}, [taken, done, done]],
        [{}, [untimed, done]],
        [{}, [taken, { at: at.endedAt, event: 'done' }]],
        [{}, [{ ...taken, at: wallTime(2) }, done]],
        [{}, [{ ...taken, knownMs: 1 }, done]],
        [{}, [{ ...taken, slave: 'slave-2' }, done]],
        [{}, [{ ...taken, event: 'busy' }, done]],
        [{}, [taken, { ...done, at: wallTime(2) }]],
        [{}, [taken, { ...done, reason: 'so' }]],
        [{}, [taken, { ...done, ms: 3 }]],
        [{}, [taken, { ...done, why: { is: 'gone' } }]],
        [{}, [taken, { ...done, slave: 'slave-2' }]],
        [{ status: 'failed' }, usual],
        [{ startedAt: null }, usual],
        [{ slave: null }, usual],
        [{ endedAt: null, status: 'in progress' }, [taken]],
        [{ endedAt: null, status: 'in progress' }, usual],
        [{ endedAt: null, status: 'in progress' }, [{ ...taken, attempt: 'a' }]],
        [{ endedAt: null, status: 'in progress' }, []],
        [{ endedAt: null, status: 'pending' }, [taken]],
      ]
      const tasks = trails.map(([over, trail]) => anEndedTask({ ...at, ...over, trail }))
      await commit(store, ...tasks.map(insert))
      const moved = trails.map(([over, trail]) => {
        const before = aTask()
        return {
          before,
          after: { ...before, ...at, slave: 'slave-1', status: 'done', ...over, trail },
        }
      })
      await commit(store, ...moved.map(({ before }) => insert(before)))
      await commit(store, ...moved.map(({ before, after }) => update(before, after as TaskUpdate)))
      const again = await reopen()
      for (const task of tasks) t.strictSame(await again.get(task.id), task)
      for (const { after } of moved) t.strictSame(await again.get(after.id), after)
    },
  )

  await t.test('writes each column of a slave that is put again', async (t) => {
    const { store, reopen } = open(t)
    const slaves = [{ url: 'http://a:2' }, { position: -1 }, { drained: true }].map((change, i) => {
      const before = { name: `slave-${i}`, url: 'http://a:1', position: i, drained: false }
      return { before, after: { ...before, ...change } }
    })
    for (const { before } of slaves) await commit(store, { do: 'put-slave', slave: before })
    for (const { after } of slaves) await commit(store, { do: 'put-slave', slave: after })
    const wanted = [1, 0, 2].map((i) => slaves[i]?.after)
    t.strictSame((await (await reopen()).load()).slaves, wanted)
  })

  await t.test('writes all changes of a commit or none', async (t) => {
    const { store, reopen } = open(t)
    const [kept, ended, fresh] = [aTask(), aTask(), aTask()]
    await commit(store, insert(kept), insert(ended))
    const bad = [insert(fresh), end(ended), insert(kept)]
    await t.rejects(commit(store, ...bad), StoreConflictError)
    t.strictSame(await store.counts(), counts({ pending: 2 }))
    const again = await reopen()
    t.equal(await again.get(fresh.id), undefined)
    t.equal((await again.get(ended.id))?.status, 'pending')
    t.strictSame(await again.counts(), counts({ pending: 2 }))
  })

  await t.test('works on after a refused commit', async (t) => {
    const { store } = open(t)
    const [task, next, refused] = [aTask(), aTask(), aTask()]
    await commit(store, insert(task))
    const bad = [insert(refused), update(task, { status: 'in progress' }), insert(task)]
    await t.rejects(commit(store, ...bad), StoreConflictError)
    await commit(store, insert(next), end(refused), end(task))
    t.strictSame(await store.get(next.id), next)
    t.equal(await store.get(refused.id), undefined)
    t.equal((await store.get(task.id))?.status, 'done')
    t.strictSame(await store.counts(), counts({ pending: 1, done: 1 }))
  })

  await t.test('applies the changes of a commit in their order', async (t) => {
    const { store } = open(t)
    const task = aTask()
    const taken = update(task, { status: 'in progress', slave: 'slave-1', tries: 1 })
    await commit(store, insert(task), taken, end(task))
    t.equal((await store.get(task.id))?.status, 'done')
    const [moved, tagged] = [aTask(), aTask({ status: 'in progress', slave: 'slave-1', tries: 1 })]
    const back = update(tagged, { status: 'pending', slave: null })
    await commit(
      store,
      insert(moved),
      insert(tagged),
      update(moved, { status: 'in progress' }),
      back,
    )
    await commit(store, update(tagged, { status: 'in progress' }), back)
    await commit(store, back, update(tagged, { status: 'in progress' }), back)
    t.equal((await store.get(moved.id))?.status, 'in progress')
    t.equal((await store.get(tagged.id))?.status, 'pending')
    t.strictSame(await store.counts(), counts({ done: 1, 'in progress': 1, pending: 1 }))
  })

  await t.test('calls done once for a commit without changes', async (t) => {
    const { store } = open(t)
    await commit(store)
    t.strictSame(await store.counts(), counts({}))
  })

  await t.test('is not reached by what a caller does with a record later', async (t) => {
    const { store } = open(t)
    const task = aTask({ tags: ['a'] })
    const pristine = structuredClone(task)
    await commit(store, insert(task))
    task.status = 'failed'
    task.tags.push('b')
    task.trail[0]!.event = 'lost'
    const read = await store.get(task.id)
    t.strictSame(read, pristine)
    read!.trail.length = 0
    ;(await store.list({ limit: 1 })).tasks[0]!.tags.push('c')
    t.strictSame(await store.get(task.id), pristine)
  })

  await t.test('is closed twice as once, and refuses every call after', async (t) => {
    const { store } = open(t)
    await store.close()
    await store.close()
    await t.rejects(commit(store, insert(aTask())), /closed/)
    await t.rejects(store.get('x'), /closed/)
    await t.rejects(store.counts(), /closed/)
  })
}

async function ends(t: Test, open: Open): Promise<void> {
  for (const status of ['done', 'failed', 'cancelled', 'expired'] as const) {
    await t.test(`never changes a task that is ${status}`, async (t) => {
      const { store, reopen } = open(t)
      const task = anEndedTask({ status })
      await commit(store, insert(task))
      const forged = { status: 'failed', outcome: '{}', endedAt: wallTime(9) } as const
      await commit(store, update(task, forged))
      await commit(store, update(task, { status: 'in progress' }))
      await commit(store, update(task, { status: 'pending' }))
      const again = await reopen()
      t.strictSame(await again.get(task.id), task)
      t.strictSame(await again.counts(), counts({ [status]: 1 }))
    })
  }

  await t.test('keeps the first of two ends in one commit', async (t) => {
    const { store } = open(t)
    const task = aTask()
    await commit(store, insert(task))
    await commit(store, end(task), update(task, { status: 'failed', endedAt: wallTime(1) }))
    t.equal((await store.get(task.id))?.status, 'done')
    t.strictSame(await store.counts(), counts({ done: 1 }))
  })

  await t.test('ignores an update of a task that is not there', async (t) => {
    const { store } = open(t)
    const task = aTask()
    await commit(store, end(task))
    t.equal(await store.get(task.id), undefined)
    t.strictSame(await store.counts(), counts({}))
  })

  await t.test('moves a live task there and back', async (t) => {
    const { store } = open(t)
    const task = aTask()
    await commit(store, insert(task))
    const path = ['in progress', 'in progress', 'pending', 'pending', 'in progress'] as const
    for (const [index, status] of path.entries()) {
      await commit(store, update(task, { status, tries: index }))
      t.strictSame(await store.counts(), counts({ [status]: 1 }))
    }
    const now = await store.get(task.id)
    t.strictSame(now, { ...task, status: 'in progress', tries: 4 })
  })
}

async function loading(t: Test, open: Open): Promise<void> {
  await t.test('starts empty, with a secret that stays', async (t) => {
    const { store, reopen } = open(t)
    const { secret, tasks, slaves, newestId } = await store.load()
    t.strictSame([tasks, slaves, newestId], [[], [], null])
    t.ok(secret.length > 0)
    t.equal((await store.load()).secret, secret)
    t.equal((await (await reopen()).load()).secret, secret)
  })

  await t.test('gives the live tasks without payloads in order of acceptance', async (t) => {
    const { store, reopen } = open(t)
    const [first, second, third, fourth] = [aTask(), anEndedTask(), aTask(), aTask()]
    await commit(store, ...[fourth, second, first, third].map(insert))
    const taken = update(third, { status: 'in progress', slave: 'slave-1', attempt: 'a' })
    await commit(store, taken, end(fourth))
    const { tasks } = await (await reopen()).load()
    const { input: _input, work: _work, outcome: _outcome, ...rest } = first
    t.strictSame(tasks[0], rest)
    t.strictSame(
      tasks.map(({ id, status, slave, attempt }) => [id, status, slave, attempt]),
      [
        [first.id, 'pending', null, null],
        [third.id, 'in progress', 'slave-1', 'a'],
      ],
    )
  })

  await t.test('gives the newest id of all tasks, ended ones too', async (t) => {
    const { store, reopen } = open(t)
    const [first, second, third] = [aTask(), aTask(), anEndedTask()]
    await commit(store, ...[third, first, second].map(insert))
    t.equal((await (await reopen()).load()).newestId, third.id)
  })

  await t.test('gives each kind once that slaves have offered', async (t) => {
    const { store, reopen } = open(t)
    const put = (kind: string) => ({ do: 'put-kind' as const, kind })
    t.strictSame((await store.load()).kinds, [])
    await commit(store, put('b'), put('a'))
    await commit(store, put('b'))
    t.strictSame((await (await reopen()).load()).kinds.toSorted(), ['a', 'b'])
  })

  await t.test('gives the slaves by position, as they were last put', async (t) => {
    const { store, reopen } = open(t)
    const slave = (name: string, position: number, drained = false) => ({
      do: 'put-slave' as const,
      slave: { name, url: `http://${name}:9001`, position, drained },
    })
    await commit(store, slave('b', 2), slave('a', 3), slave('c', 1), slave('d', 0))
    await commit(store, slave('a', 1.5, true), { do: 'drop-slave', name: 'd' })
    await commit(store, { do: 'drop-slave', name: 'nobody' })
    const { slaves } = await (await reopen()).load()
    t.strictSame(slaves, [slave('c', 1).slave, slave('a', 1.5, true).slave, slave('b', 2).slave])
  })
}

async function lists(t: Test, open: Open): Promise<void> {
  await t.test('gives nothing of nothing', async (t) => {
    const { store } = open(t)
    t.strictSame(await store.list({ limit: 10 }), { tasks: [], next: null })
    t.strictSame(await store.list({ limit: 10, status: 'failed', tag: 'x' }), {
      tasks: [],
      next: null,
    })
  })

  await t.test('gives the newest first, whatever the order of inserting', async (t) => {
    const { store } = open(t)
    const tasks = Array.from({ length: 10 }, () => aTask())
    await commit(store, ...tasks.toReversed().map(insert))
    const newestFirst = tasks.map(({ id }) => id).toReversed()
    t.strictSame(ids(await listAll(store)), newestFirst)
    const exact = await store.list({ limit: 10 })
    t.strictSame([exact.tasks.length, exact.next], [10, null])
  })

  await t.test('gives each task once while others are inserted between pages', async (t) => {
    const { store } = open(t)
    const tasks = Array.from({ length: 7 }, () => aTask())
    await commit(store, ...tasks.map(insert))
    const first = await store.list({ limit: 3 })
    await commit(store, insert(aTask()), insert(aTask()), end(tasks[0]!))
    const second = await store.list({ limit: 3, before: first.next! })
    const third = await store.list({ limit: 3, before: second.next! })
    const seen = [first, second, third].flatMap((page) => ids(page.tasks))
    t.strictSame(seen, tasks.map(({ id }) => id).toReversed())
    t.equal(third.next, null)
  })

  await t.test('leaves out trail and hash, and payloads above the limit', async (t) => {
    const { store } = open(t)
    const most = `"${'é'.repeat(LIST_PAYLOAD_BYTES_MAX / 2 - 1)}"`
    const task = anEndedTask({ input: most, outcome: most.replace('é', 'éx'), requestHash: 'h' })
    await commit(store, insert(task))
    const { trail: _trail, requestHash: _hash, work: _work, trace: _trace, ...more } = task
    const { queueMs: _queueMs, terms: _terms, ...rest } = more
    t.strictSame((await store.list({ limit: 1 })).tasks, [{ ...rest, outcome: null }])
  })

  await t.test('filters by status, kind, slave and tag, alone and together', async (t) => {
    const { store } = open(t)
    const all: TaskStatus[] = ['pending', 'in progress', 'done', 'failed', 'cancelled', 'expired']
    const tasks = Array.from({ length: 60 }, (_, i) =>
      aTask({
        status: all[i % 6]!,
        kind: i % 4 === 0 ? 'sleep' : 'expression',
        slave: i % 5 === 0 ? null : `slave-${i % 5}`,
        tags: i % 7 === 0 ? ['seven', 'x,y'] : ['other'],
      }),
    )
    await commit(store, ...tasks.map(insert))
    for (const status of [undefined, ...all]) {
      for (const kind of [undefined, 'sleep', 'none']) {
        for (const slave of [undefined, 'slave-2']) {
          for (const tag of [undefined, 'seven', ',', 'x']) {
            const query = clean({ status, kind, slave, tag })
            const right = tasks.filter(
              (task) =>
                (!status || task.status === status) &&
                (!kind || task.kind === kind) &&
                (!slave || task.slave === slave) &&
                (!tag || task.tags.includes(tag)),
            )
            const found = ids(await listAll(store, query))
            const wanted = right.map(({ id }) => id).toReversed()
            if (found.join() !== wanted.join()) t.strictSame(found, wanted, JSON.stringify(query))
          }
        }
      }
    }
    t.pass('168 combinations')
  })

  await t.test('finds every task of a slave, live and ended, over many pages', async (t) => {
    const { store } = open(t)
    const all: TaskStatus[] = ['pending', 'in progress', 'done', 'failed']
    const tasks = Array.from({ length: 4_000 }, (_, i) =>
      aTask({ status: all[i % 4]!, slave: i % 700 < 4 ? 'slave-1' : 'slave-2' }),
    )
    await commit(store, ...tasks.map(insert))
    for (const status of [undefined, ...all]) {
      const query = clean({ slave: 'slave-1', status, limit: 3 })
      const right = tasks.filter(
        (task) => task.slave === 'slave-1' && (!status || task.status === status),
      )
      t.strictSame(ids(await listAll(store, query)), right.map(({ id }) => id).toReversed())
    }
  })

  await t.test('finds a tag by its whole text, whatever is in it', async (t) => {
    const { store } = open(t)
    const odd = ['"', '","', '\\', 'a"b', '日本', '', ' ', '%', '[]']
    await commit(store, ...odd.map((tag) => insert(aTask({ tags: ['before', tag] }))))
    for (const tag of odd) {
      const found = await listAll(store, { tag })
      t.strictSame(
        found.map((task) => task.tags[1]),
        [tag],
        JSON.stringify(tag),
      )
    }
  })

  await t.test('ends a page that finds too little in time, and goes on after it', async (t) => {
    const { store } = open(t)
    const oldest = aTask({ kind: 'sleep' })
    await commit(store, insert(oldest))
    const between = Array.from({ length: LIST_SCAN_ROWS_MAX + 10 }, () => anEndedTask())
    await commit(store, ...between.map(insert))
    const first = await store.list({ limit: 5, kind: 'sleep' })
    t.strictSame(first.tasks, [])
    t.ok(first.next)
    const second = await store.list({ limit: 5, kind: 'sleep', before: first.next! })
    t.strictSame(ids(second.tasks), [oldest.id])
    t.equal(second.next, null)
  })
}

async function keysAndValues(t: Test, open: Open): Promise<void> {
  await t.test('finds a task by its idempotency key', async (t) => {
    const { store, reopen } = open(t)
    const task = aTask({ idempotencyKey: 'key', requestHash: 'hash' })
    await commit(store, insert(task), insert(aTask()))
    t.strictSame(await store.find('key'), { id: task.id, requestHash: 'hash' })
    t.equal(await store.find('other'), undefined)
    t.strictSame(await (await reopen()).find('key'), { id: task.id, requestHash: 'hash' })
  })

  await t.test('refuses a second task with the same key, in one commit as in two', async (t) => {
    const { store } = open(t)
    const keyed = (key: string) => insert(aTask({ idempotencyKey: key, requestHash: 'h' }))
    await commit(store, keyed('a'))
    await t.rejects(commit(store, keyed('a')), StoreConflictError)
    await t.rejects(commit(store, keyed('b'), keyed('b')), StoreConflictError)
    t.equal(await store.find('b'), undefined)
    await commit(store, keyed('b'))
    t.strictSame(await store.counts(), counts({ pending: 2 }))
  })

  await t.test('frees the key of a task that was trimmed', async (t) => {
    const { store } = open(t)
    await commit(store, insert(anEndedTask({ idempotencyKey: 'a', requestHash: 'h' })))
    await store.trim({ endedBefore: wallTime(Number.MAX_SAFE_INTEGER), keepMax: 10, rowsMax: 10 })
    t.equal(await store.find('a'), undefined)
    await commit(store, insert(aTask({ idempotencyKey: 'a', requestHash: 'h' })))
  })

  await t.test('keeps any text, and payloads of a megabyte', async (t) => {
    const { store, reopen } = open(t)
    const odd = 'zero \0 quote \' " back \\ line \n é 日本 😀 \u{10ffff}'
    const large = JSON.stringify('ä'.repeat(1 << 19))
    const task = aTask({
      kind: odd,
      slave: odd,
      tags: [odd, '\ud800'],
      idempotencyKey: odd,
      requestHash: odd,
      input: large,
      trail: [{ at: wallTime(0), event: 'lost', slave: odd, reason: '\udfff' }],
    })
    await commit(store, insert(task))
    await commit(store, update(task, { status: 'done', endedAt: wallTime(1), outcome: large }))
    const again = await reopen()
    t.strictSame(await again.get(task.id), { ...task, status: 'done', endedAt: 1, outcome: large })
    t.equal((await again.find(odd))?.id, task.id)
    t.equal((await again.list({ limit: 1, kind: odd, tag: odd })).tasks[0]?.input, null)
  })
}

async function countsAndTrimming(t: Test, open: Open): Promise<void> {
  const never = { endedBefore: wallTime(0), keepMax: Number.MAX_SAFE_INTEGER, rowsMax: 100 }

  await t.test('counts by status, over restarts and trimming', async (t) => {
    const { store, reopen } = open(t)
    const failed = anEndedTask({ status: 'failed' })
    await commit(store, ...[failed, anEndedTask(), anEndedTask(), aTask()].map(insert))
    t.strictSame(await store.counts(), counts({ failed: 1, done: 2, pending: 1 }))
    t.equal(await store.trim({ ...never, keepMax: 3 }), 1)
    t.strictSame(await store.counts(), counts({ done: 2, pending: 1 }))
    t.strictSame(await (await reopen()).counts(), counts({ done: 2, pending: 1 }))
  })

  await t.test('trims what ended before a time, oldest first, no more than told', async (t) => {
    const { store } = open(t)
    const tasks = [100, 300, 200, 250, 150].map((at) =>
      anEndedTask({ createdAt: wallTime(50), endedAt: wallTime(at) }),
    )
    await commit(store, ...tasks.map(insert))
    t.equal(await store.trim({ ...never, endedBefore: wallTime(250), rowsMax: 2 }), 2)
    t.strictSame(
      ids(await listAll(store)),
      [4, 3, 1].map((i) => tasks[i]!.id),
    )
    t.equal(await store.trim({ ...never, endedBefore: wallTime(250), rowsMax: 2 }), 1)
    t.equal(await store.trim({ ...never, endedBefore: wallTime(250), rowsMax: 2 }), 0)
    t.strictSame(
      ids(await listAll(store)),
      [3, 1].map((i) => tasks[i]!.id),
    )
  })

  await t.test('trims what is beyond the newest so many, and no live task ever', async (t) => {
    const { store, reopen } = open(t)
    const tasks = Array.from({ length: 10 }, (_, i) => (i % 3 === 0 ? aTask() : anEndedTask()))
    await commit(store, ...tasks.map(insert))
    t.equal(await store.trim({ ...never, keepMax: 4 }), 4)
    const left = [9, 8, 7, 6, 3, 0].map((i) => tasks[i]!.id)
    t.strictSame(ids(await listAll(store)), left)
    t.equal(await store.trim({ ...never, keepMax: 0, endedBefore: wallTime(Infinity) }), 2)
    t.equal(await store.trim({ ...never, keepMax: 0, endedBefore: wallTime(Infinity) }), 0)
    const live = [0, 3, 6, 9].map((i) => tasks[i]!.id)
    t.strictSame(
      (await (await reopen()).load()).tasks.map(({ id }) => id),
      live,
    )
  })

  await t.test('trims what stands after tasks of a clock that was ahead', async (t) => {
    const { store } = open(t)
    const ahead = { createdAt: wallTime(9_000), endedAt: wallTime(9_000) }
    const old = { createdAt: wallTime(50), endedAt: wallTime(60) }
    const young = Array.from({ length: 2 * TRIM_SCAN_ROWS + 1 }, () => anEndedTask(ahead))
    const tasks = [...young, aTask(old), anEndedTask(old), anEndedTask(ahead), anEndedTask(old)]
    await commit(store, ...tasks.map(insert))
    const limits = { ...never, endedBefore: wallTime(250), rowsMax: 1 }
    const removed: number[] = []
    for (let step = 0; step < 6; step++) removed.push(await store.trim(limits))
    t.strictSame(removed, [0, 0, 1, 1, 0, 0])
    t.strictSame(await store.counts(), counts({ done: young.length + 1, pending: 1 }))
  })

  await t.test('goes on with a page whose last task was trimmed', async (t) => {
    const { store } = open(t)
    const tasks = Array.from({ length: 6 }, () => anEndedTask())
    await commit(store, ...tasks.map(insert))
    const { next } = await store.list({ limit: 3 })
    t.equal(await store.trim({ ...never, keepMax: 1 }), 5)
    t.strictSame(await store.list({ limit: 3, before: next! }), { tasks: [], next: null })
  })
}

function ids(tasks: { id: string }[]): string[] {
  return tasks.map(({ id }) => id)
}

function counts(some: Partial<Record<TaskStatus, number>>): Record<TaskStatus, number> {
  const none = { pending: 0, 'in progress': 0, done: 0, failed: 0, cancelled: 0, expired: 0 }
  return { ...none, ...some }
}

function clean<T extends object>(query: T): { [K in keyof T]: NonNullable<T[K]> } {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as { [K in keyof T]: NonNullable<T[K]> }
}
