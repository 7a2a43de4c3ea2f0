// The transport, against a slave that answers as it likes.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Test } from 'tap'
import t from 'tap'
import type { Input } from '../../master/core/effects.ts'
import { createTransport } from '../../master/transport.ts'

const state = {
  slave: 'a',
  boot: 'boot-1',
  generation: 1,
  slots: 2,
  free: 2,
  mode: 'accepting',
  reason: '',
}

/** Offers `x` and `y` to a slave that gives these answers; what the core hears of it. */
async function hears(t: Test, attempts: string[]): Promise<Input[]> {
  const answers = attempts.map((attempt) => ({ attempt, answer: 'taken', reason: '' }))
  const server = createServer((request, response) => {
    request.resume()
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ state, answers }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const heard: Input[] = []
  const transport = createTransport({ askTimeoutMs: 5000, receive: (input) => heard.push(input) })
  t.teardown(async () => {
    await transport.close()
    server.close()
  })
  const { port } = server.address() as { port: number }
  for (const attempt of ['x', 'y']) {
    const offer = { attempt, task: `task-${attempt}`, kind: 'sleep', runLimitMs: 1 }
    const to = { slave: 'a', url: `http://127.0.0.1:${port}`, boot: 'boot-1' }
    transport.offer(to, { ...offer, input: '{}', work: null, trace: null })
  }
  while (heard.length === 0) await new Promise(setImmediate)
  return heard
}

t.test('hands the answers on, in any order', async (t) => {
  t.match(await hears(t, ['x', 'y']), [{ is: 'answers', answers: [{}, {}] }])
  t.equal((await hears(t, ['y', 'x'])).length, 1)
})

t.test('takes an offer that the answers do not name for one without an answer', async (t) => {
  const silence = (...attempts: string[]) => ({ is: 'no-answer', attempts, delivered: true })
  t.match((await hears(t, ['x']))[1], silence('y'))
  t.match((await hears(t, ['x', 'another']))[1], silence('y'))
  t.match((await hears(t, ['null', 'null']))[1], silence('x', 'y'))
})
