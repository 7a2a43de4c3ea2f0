import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import { request } from 'undici'
import { folderOf } from '../folder.ts'
import { startProcess } from '../rigs/cluster/programs.ts'
import { readEvents } from './sse.ts'

const STREAMS_MAX = 8

const master = await startProcess(
  t,
  'master/main.ts',
  `--port 0 --store memory --log-level error --event-streams-max ${STREAMS_MAX}`.split(' '),
)
// Asked for once: each time it is asked for, tap makes the folder anew.
const folder = folderOf(t)
const slave = (name: string) =>
  startProcess(t, 'slave/main.ts', [
    '--master',
    master.url,
    '--data',
    join(folder, name),
    ...`--port 0 --name ${name} --slots 1 --log-level error`.split(' '),
  ])

async function stream(t: Test, path: string, headers: Record<string, string> = {}) {
  const opened = await readEvents(`${master.url}${path}`, headers)
  t.teardown(opened.close)
  return opened
}

async function post(
  path: string,
  body: unknown,
  prefer = 'wait=60',
): Promise<{ status: number; json: Json }> {
  const response = await fetch(`${master.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer },
    body: JSON.stringify(body),
  })
  return { status: response.status, json: (await response.json()) as Json }
}

type Json = Record<string, unknown>

t.test('tells of a slave that joins, of a task from taken to done, and of a refusal', async (t) => {
  const events = await stream(t, '/events')
  t.equal(events.type, 'text/event-stream; charset=utf-8')
  const refused = await post('/tasks', { expression: '1+1' }, 'wait=0')
  t.equal(refused.status, 503)
  t.match((await events.next(({ name }) => name === 'refused')).data, { problem: 'no-slaves' })
  await slave('slave-1')
  const joined = await events.next(({ data }) => data.event === 'joined')
  t.match(joined.data, { slave: 'slave-1', state: 'open' })
  const { json } = await post('/tasks', { expression: '2+3' })
  t.equal(json.result, 5)
  const mine = ({ data }: { data: Json }): boolean => data.task === json.id
  t.match((await events.next(mine)).data, {
    event: 'taken',
    status: 'in progress',
    slave: 'slave-1',
  })
  t.match((await events.next(mine)).data, { event: 'done', status: 'done', slave: 'slave-1' })
})

t.test('gives a reader that comes back what it missed, once', async (t) => {
  const first = await stream(t, '/events?type=task')
  const one = (await post('/tasks', { expression: '1' })).json
  const seen = await first.next(({ data }) => data.task === one.id && data.event === 'done')
  first.close()
  const two = (await post('/tasks', { expression: '2' })).json
  const again = await stream(t, '/events?type=task', { 'last-event-id': seen.id ?? '' })
  t.match((await again.next()).data, { task: two.id, event: 'taken' })
  t.match((await again.next()).data, { task: two.id, event: 'done' })
})

t.test(
  'says where it begins, for a reader whose connection breaks before anything came',
  async (t) => {
    const { body } = await request(`${master.url}/events?type=job`)
    t.teardown(() => body.on('error', () => {}).destroy())
    let text = ''
    for await (const chunk of body) {
      text += String(chunk)
      if (text.includes('id: ')) break
    }
    const id = /^id: (\S+)$/m.exec(text)?.[1] ?? ''
    const { json } = await post('/tasks', { expression: '3' })
    const again = await stream(t, '/events?type=task', { 'last-event-id': id })
    t.match((await again.next()).data, { task: json.id, event: 'taken' })
  },
)

t.test('says what is gone to a reader of another run of the master', async (t) => {
  const events = await stream(t, '/events', { 'last-event-id': 'another-7' })
  const gap = await events.next()
  t.equal(gap.name, 'gap')
  t.equal(gap.data.missed, null)
})

t.test('filters, and says which types there are', async (t) => {
  const wrong = await fetch(`${master.url}/events?type=tasks`)
  t.equal(wrong.status, 400)
  t.match(await wrong.json(), { detail: /task, refused, slave, job/ })
  const events = await stream(t, '/events?type=job')
  const job = (await post('/jobs', { kind: 'word-count', input: { text: 'a b\n\nc' } })).json
  t.match((await events.next()).data, { type: 'job', job: job.id, status: 'in progress' })
  const end = await events.next(({ data }) => data.status === 'done')
  t.match(end.data, { job: job.id, total: end.data.done })
})

t.test('shows all at once, then what has changed', async (t) => {
  const overview = await stream(t, '/overview')
  const snapshot = await overview.next()
  t.equal(snapshot.name, 'snapshot')
  t.match(snapshot.data, {
    verdict: { slots: { total: 1, free: 1 } },
    slaves: [{ name: 'slave-1' }],
  })
  const { json } = await post('/tasks', { kind: 'sleep', input: { ms: 1 } })
  const bar = await overview.next(({ data }) =>
    ((data.bars ?? []) as Json[]).some(({ task, endedAt }) => task === json.id && endedAt !== null),
  )
  t.equal(bar.name, 'delta')
  t.match(
    (bar.data.bars as Json[]).find(({ task }) => task === json.id),
    { slave: 'slave-1', row: 0, status: 'done', lost: false },
  )
  const second = await slave('slave-2')
  await overview.next(({ data }) =>
    ((data.slaves ?? []) as Json[]).some(({ name }) => name === 'slave-2'),
  )
  await second.kill('SIGTERM')
  const left = await overview.next(({ data }) => data.slavesGone !== undefined)
  t.same(left.data.slavesGone, ['slave-2'])
})

t.test('opens no more streams than the settings say', async (t) => {
  let refused: Response | undefined
  for (let i = 0; i <= STREAMS_MAX && !refused; i++) {
    const { status } = await stream(t, '/events')
    if (status === 503) refused = await fetch(`${master.url}/events`)
    else t.equal(status, 200)
  }
  t.equal(refused?.status, 503)
  t.match(await refused?.json(), { type: 'too-many-streams' })
})
