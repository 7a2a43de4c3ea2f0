// The typed client against a real master and a real slave, with a network that loses answers.

import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import type { MasterEvent } from 'askfirst/client'
import { createClient, isProblem, NoResultError, UnreachableError } from 'askfirst/client'
import t from 'tap'
import { folderOf } from '../../folder.ts'
import { until } from '../../requests.ts'
import { freePort, startMaster, startSlave } from '../../rigs/cluster/programs.ts'

const LONG_MS = 60_000
const port = await freePort()
const folder = folderOf(t)
const master = await startMaster(t, folder, ['--port', String(port)])
await startSlave(t, master.url, 'slave-1', ['--slots', '1'])
const client = createClient({ url: master.url, patienceMs: 0 })
t.teardown(() => client.close())
const taken = async (): Promise<number> => (await client.status()).counters.accepted

t.test('submits, waits and gives results of the type of their kind', async (t) => {
  const sum: unknown = await client.run({ expression: '2 + 3' })
  t.equal(sum, 5)
  const { words } = await client.run({ kind: 'word-count', input: { text: 'ask first' } })
  t.equal(words, 2)
  const task = await client.wait(await client.submit({ expression: '1/3', number: 'Fraction' }))
  t.match(task, { status: 'done', resultType: 'Fraction', resultText: '1/3' })
  await t.rejects(client.run({ expression: 'nonsense(' }), NoResultError)
  t.match((await client.list({ limit: 2 })).tasks, [{ status: 'failed' }, { status: 'done' }])
})

t.test('throws what the master answers as a typed problem', async (t) => {
  const sleeper = await client.submit({ kind: 'sleep', input: { ms: LONG_MS } })
  const refusal = await client.submit({ expression: '1' }).catch((error: unknown) => error)
  t.ok(isProblem(refusal, 'at-capacity'))
  t.match((refusal as { asked: unknown }).asked, [{ slave: 'slave-1', reason: 'running 1 of 1' }])
  t.match(await client.explain({ expression: '1' }), { wouldAsk: null })
  t.match((await client.trail(sleeper.id)).trail, [{ event: 'taken', slave: 'slave-1' }])

  t.comment('and is patient, when it is told to be')
  const patient = createClient({ url: master.url, patienceMs: LONG_MS, onRetry: () => retries++ })
  t.teardown(() => patient.close())
  let retries = 0
  const submitted = patient.submit({ expression: '1' })
  await until(async () => retries > 0)
  t.match(await client.cancel(sleeper.id), { status: 'cancelled' })
  t.match(await patient.wait(await submitted), { status: 'done' })
  t.match(await client.cancel(sleeper.id), { status: 'cancelled' }, 'as if its answer was lost')
  await t.rejects(client.get('nobody'), { name: 'ProblemError' })
})

type Way = { url: string; close(): void; cut(): void; lost(): number }

/** A way to the master that forwards all requests, and loses the first answers. */
async function lossy(losses: number): Promise<Way> {
  let lost = 0
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}))
    near.pipe(far)
    far.on('data', (bytes) => {
      if (lost < losses) {
        lost++
        near.destroy()
        far.destroy()
      } else near.write(bytes)
    })
    far.on('close', () => near.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: own } = server.address() as { port: number }
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const close = (): void => {
    server.close()
    cut()
  }
  return { url: `http://127.0.0.1:${own}`, close, cut, lost: () => lost }
}

t.test('repeats what had no answer, and nothing is done twice', async (t) => {
  const way = await lossy(3)
  const through = createClient({ url: way.url })
  t.teardown(async () => {
    await through.close()
    way.close()
  })
  const before = await taken()
  t.equal(await through.run({ expression: '6 * 7', queue: true }), 42)
  const many = []
  const requests = [1, 2, 3].map((n) => ({ expression: `${n} * 10` }))
  for await (const { task } of through.submitMany(requests)) many.push(task)
  t.match(many, [{ result: 10 }, { result: 20 }, { result: 30 }])
  t.equal(way.lost(), 3)
  t.equal((await taken()) - before, 4)
  const impatient = createClient({ url: (await closedWay()).url, patienceMs: 0 })
  await t.rejects(impatient.status(), UnreachableError)
  await impatient.close()
})

async function closedWay() {
  const way = await lossy(0)
  way.close()
  return way
}

t.test('answers each of many, in order, also those that are refused', async (t) => {
  const requests = Array.from({ length: 450 }, (_, n) =>
    n === 210 ? { expression: '' } : { expression: n === 7 ? 'nonsense(' : `${n} + 1` },
  )
  const idempotencyKey = (_: unknown, index: number): string => `many-${index}`
  const before = await taken()
  for (const replayed of [false, true]) {
    let index = 0
    for await (const one of client.submitMany(requests, { batchTasksMax: 100, idempotencyKey })) {
      const wanted =
        index === 210
          ? { problem: { type: 'invalid-request', message: /^expression / } }
          : { task: index === 7 ? { status: 'failed' } : { result: index + 1, replayed } }
      if (one.index !== index) t.fail(`${one.index} came in place of ${index}`)
      if (index < 10 || index > 205) t.match(one, wanted)
      index++
    }
    t.equal(index, 450)
  }
  t.equal((await taken()) - before, 449, 'the same keys give the same tasks')
  const single = await client.submit(
    { expression: '1 + 1', queue: true },
    { idempotencyKey: 'many-1' },
  )
  t.equal(single.replayed, true, 'in a batch or alone')
})

t.test('takes batches that are larger than this master does, in pieces', async (t) => {
  const requests = Array.from({ length: 1_500 }, (_, n) => ({ expression: String(n) }))
  let sum = 0
  for await (const { task } of client.submitMany(requests, { batchTasksMax: 1_500 })) {
    if (task?.status === 'done') sum += Number(task.result)
  }
  t.equal(sum, (1_499 * 1_500) / 2)
})

t.test('runs jobs, and carries bytes', async (t) => {
  const job = await client.submitJob({ kind: 'word-count', input: { paragraphs: ['a b', 'c'] } })
  const done = await client.waitJob(job)
  t.match(done, { status: 'done', result: { total: 3 }, stages: [{ name: 'count', done: 2 }] })
  t.match(await client.jobParts(job.id), { stages: [{ parts: [{ part: 1 }, { part: 2 }] }] })
  const { sha256 } = await client.putBlob(Buffer.from('b a b'))
  t.equal(await text((await client.getBlob(sha256)).body), 'b a b')
  const words = await client.submitJob({ kind: 'word-frequency', input: { blobs: [{ sha256 }] } })
  t.match(await client.waitJob(words), { status: 'done' })
  t.equal(await text((await client.jobResult(words.id)).body), '2 b\n1 a\n')
  const again = await client.cancelJob(words.id).catch((error: unknown) => error)
  t.ok(isProblem(again, 'already-ended'))
  t.match((await client.listJobs({ limit: 1 })).jobs, [{ id: words.id }])
})

t.test('follows events, and goes on where the connection broke', async (t) => {
  const way = await lossy(0)
  const through = createClient({ url: way.url })
  const over = new AbortController()
  t.teardown(async () => {
    over.abort()
    await through.close()
    way.close()
  })
  const seen: MasterEvent[] = []
  const following = (async () => {
    for await (const event of through.stream({ type: 'task' }, { signal: over.signal })) {
      if (event.event === 'task') seen.push(event)
    }
  })()
  await until(async () => {
    await client.run({ expression: '1' })
    return seen.length > 0
  })
  way.cut()
  const missed = await client.submit({ expression: '2', queue: true })
  await client.wait(missed)
  await until(async () => seen.some(({ data }) => JSON.stringify(data).includes(missed.id)))
  t.equal(new Set(seen.map(({ id }) => id)).size, seen.length, 'none came twice')
  over.abort()
  await following
})

t.test('waits on when the master is started anew', async (t) => {
  const patient = createClient({ url: master.url, patienceMs: LONG_MS })
  t.teardown(() => patient.close())
  const task = await patient.submit({ kind: 'sleep', input: { ms: 1_000 } })
  const waiting = patient.wait(task, { timeoutMs: LONG_MS })
  await master.kill('SIGKILL')
  await startMaster(t, folder, ['--port', String(port)])
  t.match(await waiting, { status: 'done', result: { sleptMs: 1_000 } })
})
