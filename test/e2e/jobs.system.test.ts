// Jobs on real processes: split, handed out, combined; and whoever dies in between.

import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { getJson, post, request, sleep, until } from '../requests.ts'
import { freePort, startMaster, startSlave } from '../rigs/cluster/programs.ts'

const QUICK = ['--heartbeat-ms', '1000', '--retry-backoff-ms', '50', '--attempts-max', '20']
const COUNTERS = ['--kinds', 'word-count,range-sum,sleep']

/** A sum of long numbers that takes some seconds of computing in all. */
const LONG = {
  kind: 'range-sum',
  input: { expression: '(n % 97)^3', from: `${10n ** 20n}`, to: `${10n ** 20n + 6_000_000n}` },
  parts: 40,
}

const jobEnded = async (url: string, id: string): Promise<Json> => {
  let job: Json
  await until(async () => {
    job = await getJson(`${url}/jobs/${id}`, { prefer: 'wait=5' })
    return job.endedAt !== null
  })
  return job
}

const put = (url: string, bytes: Uint8Array<ArrayBuffer>, type = 'application/octet-stream') =>
  request('PUT', `${url}/blobs`, bytes, { 'content-type': type })

t.test('jobs of a master with two slaves', async (t) => {
  const { url } = await startMaster(t, folderOf(t), ['--blob-bytes-max', '100000'])
  await startSlave(t, url, 'slave-1', COUNTERS)
  await startSlave(t, url, 'slave-2', COUNTERS)

  await t.test('ten paragraphs are counted, one part each, and added up', async (t) => {
    const paragraphs = Array.from({ length: 10 }, (_, i) => 'word '.repeat(i))
    const { status, body, headers } = await post(
      `${url}/jobs`,
      { kind: 'word-count', input: { paragraphs } },
      { prefer: 'wait=30' },
    )
    t.equal(status, 200)
    t.equal(headers.get('location'), `/jobs/${body.id}`)
    t.equal(body.status, 'done')
    t.same(body.result, { total: 45, perParagraph: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] })
    t.match(body.stages, [{ name: 'count', total: 10, done: 10, running: 0, again: 0 }])
    const { stages } = await getJson(`${url}/jobs/${body.id}/parts?stage=count&offset=3&limit=2`)
    t.match(stages, [{ name: 'count', total: 10, parts: [{ part: 4, result: { words: 3 } }, {}] }])
    t.equal(stages[0].parts.length, 2)
    const { tasks } = await getJson(`${url}/tasks?tag=job:${body.id}`)
    t.equal(tasks.length, 10, 'its parts are tasks like any other')
  })

  await t.test(
    'the sum of the squares up to a million is exact, and a result by itself',
    async (t) => {
      const squares = { kind: 'range-sum', input: { expression: 'n^2', from: 1, to: 1_000_000 } }
      const { status, body } = await post(`${url}/jobs`, squares)
      t.equal(status, 202)
      const result = await getJson(`${url}/jobs/${body.id}/result`, { prefer: 'wait=30' })
      t.match(result, {
        id: body.id,
        result: { mathjs: 'bigint', value: '333333833333500000' },
        resultText: '333333833333500000',
      })
    },
  )

  await t.test('the same key gives the same job, and with another body a problem', async (t) => {
    const key = { 'idempotency-key': 'once' }
    const job = { kind: 'word-count', input: { text: 'a b\n\nc' } }
    const first = await post(`${url}/jobs`, job, key)
    const second = await post(`${url}/jobs`, job, key)
    t.equal(second.body.id, first.body.id)
    t.equal(second.headers.get('idempotency-replayed'), 'true')
    const other = await post(`${url}/jobs`, { ...job, parts: 2 }, key)
    t.match(other, { status: 422, body: { type: 'key-reused' } })
  })

  await t.test('a failing part fails the job, which says which and why', async (t) => {
    const input = { expression: '1/(n - 7)', from: 1, to: 10 }
    const { body } = await post(`${url}/jobs`, { kind: 'range-sum', input }, { prefer: 'wait=30' })
    t.match(body, { status: 'failed', failure: { type: 'evaluation', message: /n = 7/ } })
    const { status, body: problem } = await request('GET', `${url}/jobs/${body.id}/result`)
    t.match({ status, problem }, { status: 409, problem: { type: 'no-result', detail: /n = 7/ } })
  })

  await t.test('a cancelled job leaves nothing running', async (t) => {
    const { body } = await post(`${url}/jobs`, LONG)
    await until(async () => (await getJson(`${url}/jobs/${body.id}`)).stages[0].running > 0)
    const early = await request('GET', `${url}/jobs/${body.id}/result`)
    t.match(early, { status: 409, body: { type: 'not-ended' } })
    const cancelled = await request('DELETE', `${url}/jobs/${body.id}`)
    t.match(cancelled, { status: 200, body: { status: 'cancelled' } })
    await until(async () => {
      const { tasks } = await getJson(`${url}/tasks?tag=job:${body.id}`)
      return tasks.every(({ endedAt }: Json) => endedAt !== null)
    })
    const again = await request('DELETE', `${url}/jobs/${body.id}`)
    t.match(again, { status: 409, body: { type: 'already-ended' } })
  })

  await t.test('what is wrong is told at once, and nothing is left behind', async (t) => {
    const before = (await getJson(`${url}/jobs`)).jobs.length
    const count = { kind: 'word-count', input: { paragraphs: ['a'] } }
    const sum = (input: object) => ({
      kind: 'range-sum',
      input: { expression: 'n', from: 1, to: 2, ...input },
    })
    const none = '0'.repeat(64)
    const cases: [body: unknown, status: number, type: string, words: RegExp][] = [
      [
        { ...count, kind: 'word-cnt' },
        422,
        'unknown-kind',
        /no job kind "word-cnt" exists; the job kinds are: .*word-count/,
      ],
      [
        { ...count, kind: 'sleep', input: { ms: 1 } },
        422,
        'unknown-kind',
        /sleep is a kind of task, not of job: .* POST \/tasks/,
      ],
      [{ ...count, parts: 0 }, 400, 'invalid-request', /parts/],
      [{ ...count, parts: 1_000_000 }, 400, 'invalid-request', /parts must be <= 10000/],
      [{ ...count, splits: 2 }, 400, 'invalid-request', /splits/],
      [{ ...count, input: { paragraphs: 'a' } }, 400, 'invalid-request', /input.paragraphs/],
      [{ ...count, input: {} }, 400, 'invalid-request', /either paragraphs or text/],
      [{ ...count, runLimitMs: 1e9 }, 400, 'invalid-request', /runLimitMs must be <= /],
      [sum({ from: 5 }), 400, 'invalid-request', /input.to must be at least from/],
      [sum({ expression: 'n +' }), 400, 'invalid-request', /input.expression ends where/],
      ['{"kind":', 400, 'invalid-json', /./],
    ]
    for (const [body, status, type, words] of cases) {
      const answer = await post(`${url}/jobs`, body)
      t.match(answer, { status, body: { type, detail: words } }, JSON.stringify(body).slice(0, 60))
    }
    t.match(await request('GET', `${url}/jobs/${none}`), {
      status: 404,
      body: { type: 'no-such-job' },
    })
    t.match(await request('GET', `${url}/jobs/x/parts`), { status: 404 })
    t.equal((await getJson(`${url}/jobs`)).jobs.length, before)
  })

  await t.test(
    'the list of jobs comes by pages, and the last says that it is the last',
    async (t) => {
      const all = await getJson(`${url}/jobs`)
      t.equal(all.next, null)
      const count = all.jobs.length
      t.ok(count >= 2)
      t.equal((await getJson(`${url}/jobs?limit=${count}`)).next, null, 'full, and the last')
      const first = await getJson(`${url}/jobs?limit=${count - 1}`)
      t.equal(first.next, first.jobs.at(-1).id)
      const last = await getJson(`${url}/jobs?limit=${count - 1}&cursor=${first.next}`)
      t.same([last.jobs.length, last.next], [1, null])
    },
  )

  await t.test('a job for which no slave offers a kind is refused at once', async (t) => {
    const lonely = await startMaster(t, folderOf(t), ['--heartbeat-ms', '1000'])
    const job = { kind: 'word-count', input: { paragraphs: ['a'] } }
    t.match(await post(`${lonely.url}/jobs`, job), { status: 503, body: { type: 'no-slaves' } })
    await startSlave(t, lonely.url, 'slave-1', ['--kinds', 'sleep'])
    t.match(await post(`${lonely.url}/jobs`, job), {
      status: 422,
      body: { type: 'no-capable-slave', detail: /offers? word-count/ },
    })
    const able = await startSlave(t, lonely.url, 'slave-2', ['--kinds', 'word-count'])
    await able.kill()
    await until(async () => {
      const { slaves } = await getJson(`${lonely.url}/slaves`)
      return slaves.some(({ name, state }: Json) => name === 'slave-2' && state !== 'free')
    })
    t.match(await post(`${lonely.url}/jobs`, job), {
      status: 503,
      body: {
        type: 'at-capacity',
        detail: /word-count; some of the slaves that do not answer may offer it/,
      },
    })
    t.same((await getJson(`${lonely.url}/jobs`)).jobs, [])
  })

  await t.test('a blob comes back as it went in, under its SHA-256', async (t) => {
    const bytes = new Uint8Array(randomBytes(70_000))
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const { status, body } = await put(url, bytes)
    t.match({ status, body }, { status: 201, body: { sha256, bytes: 70_000 } })
    const response = await fetch(`${url}/blobs/${sha256}`)
    t.same(new Uint8Array(await response.arrayBuffer()), bytes)
    t.equal(response.headers.get('content-type'), 'application/octet-stream')
    t.equal((await put(url, bytes)).status, 201, 'the same again is the same')
    t.equal((await put(url, new Uint8Array())).body.bytes, 0, 'nothing is a blob, too')
  })

  await t.test('a blob that a browser could take for a page is given as bytes only', async (t) => {
    const { body } = await put(url, new TextEncoder().encode('<script>1</script>'), 'text/html')
    const response = await fetch(`${url}/blobs/${body.sha256}`)
    await response.arrayBuffer()
    t.equal(response.headers.get('content-type'), 'application/octet-stream')
    t.equal(response.headers.get('x-content-type-options'), 'nosniff')
  })

  await t.test('a blob that is too large, and one that there is not, are problems', async (t) => {
    const large = await put(url, new Uint8Array(100_001))
    t.match(large, { status: 413, body: { type: 'body-too-large', detail: /100000 bytes/ } })
    for (const name of ['0'.repeat(64), '..%2f..%2fjobs.sqlite', 'abc']) {
      const answer = await request('GET', `${url}/blobs/${name}`)
      t.match(answer, { status: 404, body: { type: 'no-such-blob' } }, name)
    }
  })
})

t.test('a job outlives kill -9 of its slaves and its master', async (t) => {
  const data = folderOf(t)
  const at = [...QUICK, '--port', `${await freePort()}`]
  let master = await startMaster(t, data, at)
  const { url } = master
  await startSlave(t, url, 'slave-1', COUNTERS)
  const second = await startSlave(t, url, 'slave-2', COUNTERS)
  const expected = await post(`${url}/jobs`, { ...LONG, parts: 1 }, { prefer: 'wait=120' })
  t.equal(expected.body.status, 'done')

  const { body } = await post(`${url}/jobs`, LONG)
  const doneParts = async (): Promise<number> =>
    (await getJson(`${url}/jobs/${body.id}`)).stages[0].done
  await until(async () => (await doneParts()) >= 3)
  await second.kill()
  await until(async () => (await doneParts()) >= 8)
  await master.kill()
  master = await startMaster(t, data, at)
  const job = await jobEnded(url, body.id)
  t.equal(job.status, 'done', JSON.stringify(job.failure))
  t.same(job.result, expected.body.result)

  const { tasks } = await getJson(`${url}/tasks?tag=job:${body.id}&limit=1000`)
  t.equal(tasks.length, 40, 'no part became two tasks')
  t.ok(tasks.every(({ status }: Json) => status === 'done'))
})

t.test('parts of a job leave room for other work, by priority', async (t) => {
  const { url } = await startMaster(t, folderOf(t))
  await startSlave(t, url, 'slave-1', COUNTERS)
  const { body } = await post(`${url}/jobs`, LONG)
  await until(async () => (await getJson(`${url}/jobs/${body.id}`)).stages[0].running > 0)
  const urgent = await post(
    `${url}/tasks`,
    { ...sleep(1), queue: true, priority: 10 },
    { prefer: 'wait=60' },
  )
  t.match(urgent, { status: 200, body: { status: 'done' } })
  const job = await getJson(`${url}/jobs/${body.id}`)
  t.ok(job.stages[0].done < 40, `it did not wait for the whole job (${job.stages[0].done} of 40)`)
  await request('DELETE', `${url}/jobs/${body.id}`)
})
