// What a client may ask of a master, and what it hears: waiting, the line, keys, dry runs,
// cancelling, lists, batches and the orders of asking.

import t from 'tap'
import { POLICY_NAMES } from '../../master/settings.ts'
import type { Teardown } from '../folder.ts'
import { folderOf } from '../folder.ts'
import type { Answer, Json } from '../requests.ts'
import { ended, getJson, post, request, sleep, until } from '../requests.ts'
import type { RunningProcess } from '../rigs/cluster/programs.ts'
import { freePort, startMaster, startSlave } from '../rigs/cluster/programs.ts'

/** Longer than any test: what is taken stays until it is cancelled. */
const LONG_MS = 60_000
const SLEEPER = ['--kinds', 'sleep', '--slots', '1']

const cancel = (url: string, { body }: Answer): Promise<Answer> =>
  request('DELETE', `${url}/tasks/${body.id}`)

const startedAt = ({ startedAt }: Json): number => Date.parse(startedAt)

/** Occupies all slots; gives what to cancel. */
async function fill(url: string, slots = 1): Promise<Answer[]> {
  const answers: Answer[] = []
  while (answers.length < slots) answers.push(await post(`${url}/tasks`, sleep(LONG_MS)))
  return answers
}

/** A master with slaves of one slot that sleep. */
async function start(t: Teardown, slaves: number, args: string[] = []): Promise<RunningProcess> {
  const master = await startMaster(t, folderOf(t), args)
  for (let i = 1; i <= slaves; i++) await startSlave(t, master.url, `slave-${i}`, SLEEPER)
  return master
}

t.test('waiting', async (t) => {
  const { url } = await start(t, 1)
  const wait = (seconds: number) => ({ prefer: `wait=${seconds}` })

  await t.test('gives the finished task, when it ends in time', async (t) => {
    const answer = await post(`${url}/tasks`, sleep(20), wait(30))
    t.match(answer, {
      status: 200,
      body: { status: 'done', result: { sleptMs: 20 }, slave: 'slave-1' },
    })
    t.equal(answer.headers.get('preference-applied'), 'wait=30')
    t.equal(answer.headers.get('location'), `/tasks/${answer.body.id}`)
  })

  await t.test('is of one request alone, not of one that repeats it', async (t) => {
    const headers = { 'idempotency-key': 'held' }
    const held = post(`${url}/tasks`, sleep(LONG_MS), { ...headers, ...wait(60) })
    await until(async () => (await getJson(`${url}/status`)).running === 1)
    const repeated = await post(`${url}/tasks`, sleep(LONG_MS), headers)
    t.match(repeated, { status: 202, body: { status: 'in progress', slave: 'slave-1' } })
    t.equal(repeated.headers.get('idempotency-replayed'), 'true')
    t.equal((await getJson(`${url}/tasks/${repeated.body.id}`)).status, 'in progress')
    await request('DELETE', `${url}/tasks/${repeated.body.id}`)
    t.match(await held, { status: 200, body: { id: repeated.body.id, status: 'cancelled' } })
    await until(async () => (await getJson(`${url}/status`)).slots.free === 1)
  })

  await t.test('gives the task as it stands, when it does not', async (t) => {
    const answer = await post(`${url}/tasks`, sleep(LONG_MS), wait(1))
    t.match(answer, { status: 202, body: { status: 'in progress', slave: 'slave-1' } })

    await t.test('and the same by GET', async (t) => {
      const before = performance.now()
      const task = await getJson(`${url}/tasks/${answer.body.id}`, wait(1))
      t.equal(task.status, 'in progress')
      t.ok(performance.now() - before > 900)
    })

    await t.test('and refuses it after a wait for a slave in vain', async (t) => {
      const before = performance.now()
      const refused = await post(`${url}/tasks`, sleep(1), wait(1))
      t.match(refused, { status: 503, body: { type: 'at-capacity' } })
      t.match(refused.body.asked, [{ slave: 'slave-1', answer: 'not available' }])
      t.ok(performance.now() - before > 900)
      t.equal((await getJson(`${url}/status`)).waiting, 0)
    })

    await t.test('and gives it the slave that becomes free meanwhile', async (t) => {
      const waiting = post(`${url}/tasks`, sleep(5), wait(30))
      await until(async () => (await getJson(`${url}/status`)).waiting === 1)
      await cancel(url, answer)
      t.match(await waiting, { status: 200, body: { status: 'done', slave: 'slave-1' } })
    })
  })

  await t.test('by GET ends when the task does', async (t) => {
    const { body } = await post(`${url}/tasks`, sleep(300))
    t.match(await getJson(`${url}/tasks/${body.id}`, wait(30)), { status: 'done' })
  })
})

t.test('the line', async (t) => {
  const { url } = await start(t, 1, ['--waiting-tasks-max', '5'])

  await t.test('goes by priority, then first come first served', async (t) => {
    const [first] = await fill(url)
    const queued: Answer[] = []
    for (const priority of [0, 5, -5, 5]) {
      queued.push(await post(`${url}/tasks`, { ...sleep(5), queue: true, priority }))
    }
    t.match(
      queued.map(({ status, body }) => ({ status, body })),
      queued.map(() => ({ status: 202, body: { status: 'pending', message: /it is queued/ } })),
    )
    await cancel(url, first as Answer)
    const tasks = await Promise.all(queued.map(({ body }) => ended(url, body.id)))
    const served = tasks.toSorted((a, b) => startedAt(a) - startedAt(b))
    t.same(
      served.map(({ id }) => queued.findIndex(({ body }) => body.id === id)),
      [1, 3, 0, 2],
    )
  })

  await t.test('has an end, and what waits there expires', async (t) => {
    const [first] = await fill(url)
    const brief = { ...sleep(1), queue: true, waitLimitMs: 300 }
    const queued = await Promise.all([1, 2, 3, 4, 5].map(() => post(`${url}/tasks`, brief)))
    t.same(
      queued.map(({ status }) => status),
      [202, 202, 202, 202, 202],
    )
    const refused = await post(`${url}/tasks`, { ...sleep(1), queue: true })
    const expired = await Promise.all(queued.map(({ body }) => ended(url, body.id)))
    if (refused.status === 503) t.equal(refused.body.type, 'queue-full')
    else
      t.ok(
        expired.some(({ endedAt }) => Date.parse(endedAt) < Date.now()),
        'too slow to tell',
      )
    for (const task of expired) {
      t.match(task, { status: 'expired', tries: 0, slave: null })
      const ms = Date.parse(task.endedAt) - Date.parse(task.createdAt)
      t.ok(ms >= 299, `${ms} ms`)
    }
    await cancel(url, first as Answer)
  })
})

t.test('an input that is too long for the memory is handed out from the store', async (t) => {
  const { url } = await startMaster(t, folderOf(t))
  await startSlave(t, url, 'slave-1', ['--kinds', 'sleep,word-count', '--slots', '1'])
  const [first] = await fill(url)
  const input = { text: 'word '.repeat(1000) }
  const queued = await post(`${url}/tasks`, { kind: 'word-count', input, queue: true })
  t.match(queued.body, { status: 'pending', slave: null })
  await cancel(url, first as Answer)
  t.match(await ended(url, queued.body.id), { status: 'done', result: { words: 1000 } })
})

t.test('an Idempotency-Key', async (t) => {
  const data = folderOf(t)
  const at = ['--port', `${await freePort()}`]
  const master = await startMaster(t, data, at)
  const { url } = master
  await startSlave(t, url, 'slave-1', SLEEPER)
  const key = (name: string) => ({ 'idempotency-key': name })
  const accepted = async (): Promise<number> => (await getJson(`${url}/status`)).counters.accepted

  await t.test('gives the same task again, and not with another body', async (t) => {
    const first = await post(`${url}/tasks`, sleep(7), key('a'))
    const again = await post(`${url}/tasks`, sleep(7), key('a'))
    t.equal(first.headers.get('idempotency-replayed'), null)
    t.equal(again.headers.get('idempotency-replayed'), 'true')
    t.equal(again.body.id, first.body.id)
    await ended(url, first.body.id)
    const later = await post(`${url}/tasks`, sleep(7), key('a'))
    t.match(later, { status: 200, body: { id: first.body.id, status: 'done' } })
    const other = await post(`${url}/tasks`, sleep(8), key('a'))
    t.match(other, { status: 422, body: { type: 'key-reused' } })
    t.equal(await accepted(), 1)
  })

  await t.test('makes one task of many requests at the same time', async (t) => {
    const before = await accepted()
    const same = Array.from({ length: 10 }, () => post(`${url}/tasks`, sleep(9), key('b')))
    const other = post(`${url}/tasks`, sleep(10), key('b'))
    const answers = await Promise.all(same)
    const ids = new Set([...answers, await other].map(({ body }) => body.id).filter(Boolean))
    t.equal(ids.size, 1)
    t.ok([...answers, await other].every(({ status }) => [200, 202, 422].includes(status)))
    t.equal(await accepted(), before + 1)
    await ended(url, [...ids][0])
  })

  await t.test('of a refused request is free again', async (t) => {
    const [busy] = await fill(url)
    t.match(await post(`${url}/tasks`, sleep(11), key('c')), { status: 503 })
    await cancel(url, busy as Answer)
    const again = await post(`${url}/tasks`, sleep(12), { ...key('c'), prefer: 'wait=30' })
    t.match(again, { status: 200, body: { status: 'done', result: { sleptMs: 12 } } })
  })

  await t.test('is still known after a restart', async (t) => {
    const first = await post(`${url}/tasks`, sleep(7), key('a'))
    await master.kill('SIGKILL')
    await startMaster(t, data, at)
    const again = await post(`${url}/tasks`, sleep(7), key('a'))
    t.equal(again.body.id, first.body.id)
    t.match(await post(`${url}/tasks`, sleep(8), key('a')), { status: 422 })
  })
})

t.test('a dry run says who would take it and why not the others, and does nothing', async (t) => {
  const { url } = await start(t, 2)
  const [busy] = await fill(url)
  const { status, body } = await post(`${url}/tasks?dry-run`, sleep(1))
  t.match(
    { status, body },
    {
      status: 200,
      body: {
        wouldAsk: 'slave-2',
        slaves: [
          { slave: 'slave-1', available: false, reason: 'running 1 of 1' },
          { slave: 'slave-2', available: true, reason: '' },
        ],
      },
    },
  )
  const unable = await post(`${url}/tasks?dry-run`, { expression: '1 + 1' })
  t.match(unable.body, { wouldAsk: null, slaves: [{ reason: /does not offer "expression"/ }, {}] })
  t.equal((await getJson(`${url}/tasks`)).tasks.length, 1)
  t.equal((await getJson(`${url}/status`)).counters.asks, 1)
  await cancel(url, busy as Answer)
})

t.test('cancelling and trying again', async (t) => {
  const { url } = await start(t, 1)
  const slave = (await getJson(`${url}/slaves`)).slaves[0].url

  await t.test('ends what runs, and its slave drops it', async (t) => {
    const [running] = await fill(url)
    const pending = await post(`${url}/tasks`, { ...sleep(1), queue: true })
    const ofPending = await cancel(url, pending)
    t.match(ofPending, { status: 200, body: { status: 'cancelled', tries: 0, slave: null } })
    const ofRunning = await cancel(url, running as Answer)
    t.match(ofRunning, { status: 200, body: { status: 'cancelled', slave: 'slave-1' } })
    await until(async () => (await getJson(`${slave}/attempts`)).attempts.length === 0)
    const again = await cancel(url, running as Answer)
    t.match(again, { status: 409, body: { type: 'already-ended', detail: /is cancelled/ } })
  })

  await t.test('makes the slot free for the next request at once', async (t) => {
    const [running] = await fill(url)
    await cancel(url, running as Answer)
    const before = performance.now()
    await until(async () => (await post(`${url}/tasks?dry-run`, sleep(1))).body.wouldAsk !== null)
    const ms = performance.now() - before
    t.ok(ms < 2000, `${Math.round(ms)} ms, much less than a heartbeat`)
  })

  await t.test('tries again as a new task, when the first has ended', async (t) => {
    const tagged = { ...sleep(1500), tags: ['red'] }
    const { body } = await post(`${url}/tasks`, tagged)
    const early = await post(`${url}/tasks/${body.id}/retry`, {})
    t.match(early, { status: 409, body: { type: 'not-ended' } })
    await ended(url, body.id)
    const again = await post(`${url}/tasks/${body.id}/retry`, {}, { prefer: 'wait=30' })
    t.match(again, { status: 200, body: { status: 'done', result: { sleptMs: 1500 } } })
    t.not(again.body.id, body.id)
    t.match(await getJson(`${url}/tasks/${again.body.id}`), { tags: ['red'], input: { ms: 1500 } })
  })
})

t.test('lists', async (t) => {
  const { url } = await start(t, 2)
  const tasks = Array.from({ length: 24 }, (_, i) => ({
    ...sleep(1),
    queue: true,
    tags: [i % 2 === 0 ? 'even' : 'odd', `nr-${i}`],
  }))
  const posted = await Promise.all(tasks.map((task) => post(`${url}/tasks`, task)))
  const ids = posted.map(({ body }) => body.id as string)
  await Promise.all(ids.map((id) => ended(url, id)))

  async function* pages(path: string): AsyncGenerator<Json[]> {
    for (let next: string | undefined = path; next; ) {
      const response: Response = await fetch(url + next)
      const { tasks } = (await response.json()) as Json
      yield tasks
      next = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
    }
  }

  await t.test('show each task once, newest first, while others come in', async (t) => {
    const seen: string[] = []
    let n = 0
    for await (const page of pages('/get-tasks?limit=7')) {
      t.ok(page.length <= 7)
      seen.push(...page.map(({ id }) => id))
      if (n++ < 3) await post(`${url}/tasks`, sleep(1), { prefer: 'wait=30' })
    }
    t.ok(n >= 4, `${n} pages`)
    t.same(seen, ids.toSorted().toReversed())
  })

  await t.test('filter by status, kind, slave and tag, over pages', async (t) => {
    const all = async (query: string): Promise<Json[]> => {
      const found: Json[] = []
      for await (const page of pages(`/tasks?limit=5&${query}`)) found.push(...page)
      return found
    }
    t.equal((await all('tag=even')).length, 12)
    t.equal((await all('tag=nr-3')).length, 1)
    t.equal((await all('tag=nr')).length, 0)
    t.equal((await all('status=done&kind=sleep&tag=odd')).length, 12)
    t.equal((await all('kind=expression')).length, 0)
    t.equal((await all('status=failed')).length, 0)
    const bySlave = await Promise.all([1, 2].map((i) => all(`slave=slave-${i}`)))
    t.equal(bySlave.flat().length, (await all('')).length)
    t.ok(bySlave.every((tasks, i) => tasks.every(({ slave }) => slave === `slave-${i + 1}`)))
  })
})

t.test('a trail says who was asked, when, and what each answered', async (t) => {
  const { url } = await start(t, 2)
  const [busy] = await fill(url)
  const { body } = await post(`${url}/tasks`, sleep(1000))
  await ended(url, body.id)
  const { id, status, trail } = await getJson(`${url}/tasks/${body.id}/trail`)
  t.match({ id, status }, { id: body.id, status: 'done' })
  t.match(trail, [
    { slave: 'slave-1', event: 'busy', reason: 'running 1 of 1' },
    { slave: 'slave-2', event: 'taken' },
    { slave: 'slave-2', event: 'done' },
  ])
  t.type(trail[0].knownMs, 'number')
  t.type(trail[1].ms, 'number')
  const times = trail.map(({ at }: Json) => Date.parse(at))
  t.same(times, times.toSorted())
  t.ok(times[2] - times[1] >= 300)
  await cancel(url, busy as Answer)
})

t.test('a batch answers each for itself, in order', async (t) => {
  const { url } = await start(t, 1)
  const { status, body } = await post(`${url}/tasks/batch`, {
    tasks: [sleep(LONG_MS), sleep(1), { ...sleep(2), queue: true }, { expression: '1 + 1' }],
  })
  t.equal(status, 200)
  t.match(body.tasks, [
    { code: 202, status: 'in progress', slave: 'slave-1' },
    { code: 503, problem: { type: 'at-capacity' } },
    { code: 202, status: 'pending' },
    { code: 422, problem: { type: 'no-capable-slave' } },
  ])
  await request('DELETE', `${url}/tasks/${body.tasks[0].id}`)
  t.match(await ended(url, body.tasks[2].id), { status: 'done', result: { sleptMs: 2 } })
  // A store takes unpaired surrogate for another one: both keys would be the same.
  const halves = ['\ud800', '\ud801'].map((idempotencyKey) => ({
    ...sleep(1),
    queue: true,
    idempotencyKey,
  }))
  t.match(await post(`${url}/tasks/batch`, { tasks: halves }), {
    status: 400,
    body: { type: 'invalid-json', detail: /contains an unpaired surrogate/ },
  })
  const waited = await post(
    `${url}/tasks/batch`,
    {
      tasks: [
        { ...sleep(3), queue: true },
        { ...sleep(4), queue: true },
      ],
    },
    { prefer: 'wait=30' },
  )
  t.match(waited.body.tasks, [
    { code: 200, status: 'done', result: { sleptMs: 3 } },
    { code: 200, status: 'done', result: { sleptMs: 4 } },
  ])
})

t.test('every order of asking starts and serves', async (t) => {
  const data = (name: string): string => `${folder}/${name}`
  const folder = folderOf(t)
  const quick = ['--heartbeat-ms', '1000', '--port', `${await freePort()}`]
  let master = await startMaster(t, data('first'), quick)
  const { url } = master
  for (const i of [1, 2]) await startSlave(t, url, `slave-${i}`, SLEEPER)

  /** Another master at the same address: the slaves come by themselves. */
  async function instead(name: string, args: string[]): Promise<void> {
    await master.kill('SIGTERM')
    master = await startMaster(t, data(name), [...quick, ...args])
    await until(async () => (await getJson(`${url}/status`)).slots.free === 2)
  }
  const serve = async (n: number): Promise<string[]> => {
    const slaves: string[] = []
    for (let i = 0; i < n; i++) {
      const { body } = await post(`${url}/tasks`, sleep(1), { prefer: 'wait=30' })
      slaves.push(body.slave)
    }
    return slaves
  }

  for (const policy of POLICY_NAMES) {
    await t.test(policy, async (t) => {
      await instead(policy, ['--policy', policy])
      const served = await serve(4)
      if (policy === 'in-order') t.same(served, Array(4).fill(served[0]))
      if (policy === 'round-robin') t.equal(new Set(served).size, 2)
      t.equal(served.length, 4)
      const taken = await fill(url, 2)
      const slaves = taken.map(({ body }) => body.slave)
      t.equal(new Set(slaves).size, 2, 'whoever is free has the task')
      t.match(await post(`${url}/tasks`, sleep(1)), {
        status: 503,
        body: { type: 'at-capacity', asked: [{}, {}] },
      })
      await Promise.all(taken.map((one) => cancel(url, one)))
    })
  }

  await t.test('--ask always asks each time', async (t) => {
    await instead('always', ['--ask', 'always'])
    const taken = await fill(url, 2)
    const refused = await post(`${url}/tasks`, sleep(1))
    t.match(refused, { status: 503, body: { type: 'at-capacity' } })
    t.equal(refused.body.asked.length, 2)
    for (const asked of refused.body.asked) {
      t.match(asked, { answer: 'not available', reason: 'running 1 of 1' })
      t.type(asked.ms, 'number', 'it was asked')
      t.equal(asked.knownMs, undefined)
    }
    const { counters } = await getJson(`${url}/status`)
    t.match(counters, { asks: 5, answers: { taken: 2, busy: 3 } })

    await t.test('but does not ask about what waits', async (t) => {
      const queued = await post(`${url}/tasks`, { ...sleep(1), queue: true })
      t.equal(queued.body.status, 'pending')
      const before = (await getJson(`${url}/status`)).counters.asks
      t.ok(before <= 7, `${before} asks`)
      await Promise.all(taken.map((one) => cancel(url, one)))
      t.match(await ended(url, queued.body.id), { status: 'done' })
      const after = (await getJson(`${url}/status`)).counters.asks
      t.ok(after <= before + 3, `${after} asks`)
    })
  })
})
