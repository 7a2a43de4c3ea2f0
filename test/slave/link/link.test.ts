// The requests of a slave to its master, as a server receives them, and what it makes of the responses.

import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import t from 'tap'
import { Raw } from '../../../shared/data/raw-json.ts'
import type { PeerError } from '../../../shared/http/peer.ts'
import type {
  Callback,
  PollReply,
  Registration,
  SlaveState,
} from '../../../shared/protocol/wire.ts'
import type { Done } from '../../../slave/link/link.ts'
import { createLink } from '../../../slave/link/link.ts'

type Asked = { method: string; url: string; headers: IncomingHttpHeaders; body: string }

const STATE: SlaveState = {
  slave: 'slave 1',
  boot: 'b/1',
  generation: 3,
  slots: 2,
  free: 1,
  mode: 'accepting',
  reason: '',
}
const CALLBACK: Callback = {
  attempt: 'a',
  task: 'task of a',
  outcome: { status: 'done', result: 1 },
  ranMs: 2,
}

/** A link to a master that answers each request with `status` and `reply`, `lateMs` after it. */
async function setUp(
  t: Test,
  reply: string,
  { status = 200, pull = false, lateMs = 0, timeoutMs = 2_000 } = {},
) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    void text(request).then((body) => {
      asked.push({ method, url, headers, body })
      setTimeout(() => response.writeHead(status).end(status === 204 ? undefined : reply), lateMs)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const link = createLink(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    timeoutMs,
    pull,
  })
  t.teardown(async () => {
    await link.close()
    server.closeAllConnections()
    server.close()
  })
  /** What a request gives: its error, or its reply. */
  const heard = <Reply>(ask: (done: Done<Reply>) => void) =>
    new Promise<{ error: PeerError | null; reply: Reply | undefined }>((resolve) =>
      ask((error, reply) => resolve({ error, reply })),
    )
  return { link, asked, heard }
}

t.test('registers with its card', async (t) => {
  const { link, asked, heard } = await setUp(t, '{"heartbeatMs":5000,"master":"m1"}')
  const card = { card: { name: 'slave 1' } } as unknown as Registration
  t.same(await heard((done) => link.register(card, done)), {
    error: null,
    reply: { heartbeatMs: 5000, master: 'm1' },
  })
  t.match(asked, [
    { method: 'POST', url: '/slaves', headers: { 'content-type': 'application/json' } },
  ])
  t.same(JSON.parse(asked[0]?.body ?? ''), card)
})

t.test('sends heartbeats to the address of its name', async (t) => {
  const { link, asked, heard } = await setUp(t, '{"revoke":["a"],"register":true}')
  const heartbeat = { state: STATE, attempts: [] }
  t.same(await heard((done) => link.beat(heartbeat as never, done)), {
    error: null,
    reply: { revoke: ['a'], register: true },
  })
  t.match(asked, [{ method: 'POST', url: '/slaves/slave%201/heartbeat' }])
  t.same(JSON.parse(asked[0]?.body ?? ''), heartbeat)
})

t.test('hands in outcomes where a slave of its mode does', async (t) => {
  for (const [pull, url] of [
    [false, '/callbacks'],
    [true, '/submit_result'],
  ] as const) {
    const { link, asked, heard } = await setUp(t, '{"acknowledged":["a"]}', { pull })
    const request = { state: STATE, callbacks: [CALLBACK] }
    t.same(await heard((done) => link.callBack(request, done)), {
      error: null,
      reply: { acknowledged: ['a'] },
    })
    t.match(asked, [{ method: 'POST', url }])
    t.same(JSON.parse(asked[0]?.body ?? ''), request)
  }
})

t.test('polls with its state but its slots, and for how many seconds', async (t) => {
  const { link, asked, heard } = await setUp(
    t,
    `{"offers":[{"attempt":"a","task":"t","kind":"work","input":1.0,"runLimitMs":9}],"revoke":["b"]}`,
  )
  const { error, reply } = await heard<PollReply>((done) => link.poll(STATE, 1500, done))
  t.equal(error, null)
  t.same(reply?.revoke, ['b'])
  t.match(reply?.offers, [{ attempt: 'a', task: 't', kind: 'work', runLimitMs: 9 }])
  t.same(reply?.offers[0]?.input, new Raw('1.0'), 'an input is as it was written')
  const { pathname, searchParams } = new URL(asked[0]?.url ?? '', 'http://master')
  t.same([asked[0]?.method, pathname], ['GET', '/get_task'])
  t.same(Object.fromEntries(searchParams), {
    slave: 'slave 1',
    boot: 'b/1',
    generation: '3',
    free: '1',
    mode: 'accepting',
    reason: '',
    wait: '1.5',
  })
})

t.test('a poll without content brings nothing', async (t) => {
  const { link, heard } = await setUp(t, '', { status: 204 })
  t.same(await heard((done) => link.poll(STATE, 0, done)), {
    error: null,
    reply: { offers: [], revoke: [] },
  })
})

t.test('leaves by its name and boot', async (t) => {
  const { link, asked, heard } = await setUp(t, '"whatever"')
  t.same(await heard((done) => link.leave('slave 1', 'b/1', done)), {
    error: null,
    reply: 'whatever',
  })
  t.match(asked, [{ method: 'DELETE', url: '/slaves/slave%201?boot=b%2F1', body: '' }])
})

t.test('a response that does not fit is an error that reached the master', async (t) => {
  for (const said of ['{}', 'null', '[]', '{"offers":1}']) {
    const { link, heard } = await setUp(t, said)
    const asks: ((done: Done<unknown>) => void)[] = [
      (done) => link.register({} as never, done),
      (done) => link.beat({ state: STATE, attempts: [] } as never, done),
      (done) => link.callBack({ state: STATE, callbacks: [] }, done),
      (done) => link.poll(STATE, 0, done),
    ]
    for (const [i, ask] of asks.entries()) {
      const { error, reply } = await heard(ask)
      // What says nothing is what a poll without content says.
      if (i === 3 && said === 'null') continue
      t.equal(
        error?.message,
        'the response of the master does not match its schema',
        `${i} ${said}`,
      )
      t.equal(error?.delivered, true)
      t.equal(reply, undefined)
    }
  }
})

t.test('an error of the master is given with its status', async (t) => {
  const { link, heard } = await setUp(t, '{"detail":"no"}', { status: 409 })
  const { error } = await heard((done) => link.register({} as never, done))
  t.match(error, { status: 409, delivered: true, message: /answered 409: no/ })
})

t.test('only a poll, and what sends many bytes, may last longer than the others', async (t) => {
  const late = { timeoutMs: 40, lateMs: 90 }
  const { link, heard } = await setUp(t, '{"acknowledged":[]}', late)
  const short = await heard((done) => link.callBack({ state: STATE, callbacks: [] }, done))
  t.equal(short.error?.status, null)
  const result = 'x'.repeat(640_000)
  const long = { ...CALLBACK, outcome: { status: 'done', result } } as Callback
  const sent = await heard((done) => link.callBack({ state: STATE, callbacks: [long] }, done))
  t.equal(sent.error, null, '10 s more: 64 KB/s')
  const { link: polling, heard: polled } = await setUp(t, '{"offers":[],"revoke":[]}', late)
  t.equal((await polled((done) => polling.poll(STATE, 10_000, done))).error, null)
})
