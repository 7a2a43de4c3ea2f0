// The push channel, against a slave that answers as it likes.

import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { Test } from 'tap'
import t from 'tap'
import type { Input } from '../../../master/core/messages.ts'
import { createPushChannels } from '../../../master/dispatch/push-channel.ts'
import { openPush, state } from './push-slave.ts'

/** Offers `x` and `y` to a slave that gives these answers; what the core hears of it. */
async function hears(t: Test, attempts: string[]): Promise<Input[]> {
  const answers = attempts.map((attempt) => ({ attempt, answer: 'taken', reason: '' }))
  const { channels, heard, url } = await openPush(t, (request, response) => {
    request.resume()
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ state, answers }))
  })
  for (const attempt of ['x', 'y']) {
    const offer = { attempt, task: `task-${attempt}`, kind: 'sleep', runLimitMs: 1 }
    const channel = channels.to('a', url)
    channel.offer({ boot: 'boot-1', ...offer, input: '{}', work: null, trace: null })
  }
  while (heard.length === 0) await new Promise(setImmediate)
  return heard
}

t.test('hands the answers on, in any order', async (t) => {
  t.match(await hears(t, ['x', 'y']), [{ is: 'answers', answers: [{}, {}] }])
  t.equal((await hears(t, ['y', 'x'])).length, 1)
})

t.test('takes an offer that the answers do not name for one without an answer', async (t) => {
  const silence = (...attempts: string[]) => ({ is: 'no-answer', attempts, how: 'silent' })
  t.match((await hears(t, ['x']))[1], silence('y'))
  t.match((await hears(t, ['x', 'another']))[1], silence('y'))
  t.match((await hears(t, ['null', 'null']))[1], silence('x', 'y'))
})

/** A slave that answers the n-th request for offers in the n-th way, and what the core hears. */
async function against(t: Test, ways: ((response: ServerResponse) => void)[]) {
  let requests = 0
  const { channels, heard, url } = await openPush(t, (request, response) => {
    request.resume()
    ways[Math.min(requests++, ways.length - 1)]?.(response)
  })
  return {
    /** One offer in a request of its own; gives what the core hears of it. */
    async offer(attempt: string): Promise<Input | undefined> {
      const before = heard.length
      const about = { task: 'task', kind: 'sleep', runLimitMs: 1, input: '{}', work: null }
      const channel = channels.to('a', url)
      channel.offer({ boot: 'boot-1', ...about, attempt, trace: null })
      const until = Date.now() + 20_000
      while (heard.length === before && Date.now() < until) await new Promise(setImmediate)
      return heard[before]
    },
  }
}

const json = (status: number, body: unknown) => (response: ServerResponse) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
const hangsUp = (response: ServerResponse) => void response.destroy()
const well = (attempt: string) =>
  json(200, { state, answers: [{ attempt, answer: 'taken', reason: '' }] })

t.test('what failed, however it did, takes no room from the offers after it', async (t) => {
  const failures = [json(500, {}), hangsUp, json(200, 'garbage'), json(403, {})]
  const ways = [...failures, ...failures]
  const { offer } = await against(t, [...ways, well('last')])
  for (const [i] of ways.entries()) t.match(await offer(`${i}`), { is: 'no-answer' })
  t.match(await offer('last'), { is: 'answers' })
})

t.test(
  'only an answer that refuses the whole list says that nothing of it was taken',
  async (t) => {
    const all = [
      ['500', json(500, {}), 'silent'],
      ['503', json(503, {}), 'silent'],
      ['an answer of another service', json(200, { status: 'UP' }), 'silent'],
      ['no JSON', (response: ServerResponse) => void response.end('<html>'), 'silent'],
      ['a connection that ends', hangsUp, 'silent'],
      ['400', json(400, {}), 'declined'],
      ['413', json(413, {}), 'declined'],
      ['403', json(403, {}), 'undelivered'],
    ] as const
    const { offer } = await against(
      t,
      all.map(([, way]) => way),
    )
    for (const [words, , how] of all) {
      t.match(await offer(words), { is: 'no-answer', attempts: [words], how }, words)
    }
  },
)

t.test('an offer to nobody cannot have been delivered', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const heard: Input[] = []
  const transport = createPushChannels({
    askTimeoutMs: 5000,
    receive: (input) => heard.push(input),
  })
  t.teardown(() => transport.close())
  const about = { task: 'task', kind: 'sleep', runLimitMs: 1, input: '{}', work: null }
  const channel = transport.to('a', `http://127.0.0.1:${port}`)
  channel.offer({ boot: 'boot-1', ...about, attempt: 'x', trace: null })
  while (heard.length === 0) await new Promise(setImmediate)
  t.match(heard, [{ is: 'no-answer', attempts: ['x'], how: 'undelivered' }])
})
