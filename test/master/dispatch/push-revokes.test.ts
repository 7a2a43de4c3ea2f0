// Revocations and visits by the push channel: requests to a slave at its address.

import type { ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import t from 'tap'
import { openPush, state } from './push-slave.ts'

type Asked = { what: string; body: { attempts?: string[] } | null; response: ServerResponse }

async function setUp(t: Test) {
  const asked: Asked[] = []
  const { channels, heard, url } = await openPush(t, (request, response) => {
    void text(request).then((body) => {
      const what = `${request.method ?? ''} ${request.url ?? ''}`
      asked.push({ what, body: body ? JSON.parse(body) : null, response })
    })
  })
  /** Waits until there are so many. */
  const count = async (list: unknown[], length: number): Promise<void> => {
    while (list.length < length) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const answer = (number: number, said: unknown): void =>
    void asked[number]?.response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify(said))
  return { channels, url, asked, heard, count, answer }
}

t.test('attempts to revoke gather while a request is under way', async (t) => {
  const { channels, url, asked, heard, count, answer } = await setUp(t)
  const channel = channels.to('a', url)
  channel.revoke(['x'])
  channel.revoke(['y'])
  await count(asked, 1)
  channel.revoke(['z', 'y'])
  answer(0, { state })
  await count(asked, 2)
  answer(1, { state })
  await count(heard, 2)
  t.match(asked, [
    { what: 'POST /attempts/revoke', body: { attempts: ['x'] } },
    { what: 'POST /attempts/revoke', body: { attempts: ['y', 'z'] } },
  ])
  t.strictSame(heard, [
    { is: 'revoked', slave: 'a', attempts: ['x'], state },
    { is: 'revoked', slave: 'a', attempts: ['y', 'z'], state },
  ])
  channel.revoke(['x'])
  await count(asked, 3)
  t.same(asked[2]?.body, { attempts: ['x'] }, 'a later one is a request of its own')
})

t.test('one request revokes at most 4,096 attempts', async (t) => {
  const { channels, url, asked, count, answer } = await setUp(t)
  const attempts = Array.from({ length: 5_000 }, (_, i) => `${i}`)
  channels.to('a', url).revoke(attempts)
  await count(asked, 1)
  answer(0, { state })
  await count(asked, 2)
  t.same(asked[0]?.body?.attempts, attempts.slice(0, 4_096))
  t.same(asked[1]?.body?.attempts, attempts.slice(4_096))
})

t.test('what has no usable answer is not revoked, and the next is tried', async (t) => {
  const { channels, url, asked, heard, count, answer } = await setUp(t)
  const channel = channels.to('a', url)
  channel.revoke(['x'])
  await count(asked, 1)
  channel.revoke(['y'])
  answer(0, { state: 'of another program' })
  await count(asked, 2)
  asked[1]?.response.writeHead(500).end()
  await count(heard, 2)
  t.strictSame(heard, [
    { is: 'not-revoked', slave: 'a', attempts: ['x'] },
    { is: 'not-revoked', slave: 'a', attempts: ['y'] },
  ])
})

t.test('a visit says what a slave said, or why it was not reached', async (t) => {
  const { channels, url, asked, heard, count, answer } = await setUp(t)
  channels.visit('a', url, null)
  await count(asked, 1)
  t.equal(asked[0]?.what, 'GET /attempts')
  answer(0, { hello: 'world' })
  await count(heard, 1)
  channels.visit('a', url, null)
  await count(asked, 2)
  asked[1]?.response.writeHead(503).end('{"detail":"not now"}')
  await count(heard, 2)
  channels.visit('a', 'nowhere', null)
  const common = { is: 'not-reached', name: 'a', token: null }
  t.strictSame(heard, [
    {
      ...common,
      url,
      reason: 'another program answers at this address, not an askfirst slave',
    },
    { ...common, url, reason: 'answered 503: not now' },
    { ...common, url: 'nowhere', reason: 'nowhere is not a URL' },
  ])
})
