// One deadline for a whole exchange, and one size, whatever the other side does.

import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { Pool } from 'undici'
import { paced } from '../../../shared/http/exchange-deadline.ts'
import { createPeer, PeerError } from '../../../shared/http/peer.ts'
import { ODDITIES, startOdd } from './odd-servers.ts'

const TIMEOUT_MS = 250
/** What a loaded machine may add. Without the deadline some of these would never end. */
const SLACK_MS = 5_000

for (const odd of ODDITIES) {
  t.test(`a peer that ${odd} is no answer, in time`, async (t) => {
    const { url } = await startOdd(t, odd)
    const peer = createPeer(url, { timeoutMs: TIMEOUT_MS })
    t.teardown(() => peer.close())
    const begun = performance.now()
    const limits = odd === 'says the JSON of another service' ? { bytesMax: 8 } : { bytesMax: 1e6 }
    const error = await peer.request('POST', '/offers', '{}', limits).catch((error) => error)
    t.ok(error instanceof PeerError, String(error))
    t.ok((error as PeerError).delivered, 'it may have arrived')
    t.ok(performance.now() - begun < TIMEOUT_MS + SLACK_MS)
  })

  t.test(`a transfer from a peer that ${odd} ends`, async (t) => {
    const { url } = await startOdd(t, odd)
    const pool = new Pool(url, { headersTimeout: 0, bodyTimeout: 0 })
    t.teardown(() => pool.destroy())
    const sender = pool.compose(paced({ timeoutMs: TIMEOUT_MS, bytesMax: 1e6 }))
    const begun = performance.now()
    await sender.request({ method: 'GET', path: '/' }).then(
      ({ body }) => body.text().catch(() => {}),
      () => {},
    )
    t.ok(performance.now() - begun < TIMEOUT_MS + SLACK_MS)
  })
}

t.test('a request that was never sent cannot have arrived', async (t) => {
  const { url } = await startOdd(t, 'says nothing')
  const peer = createPeer(url, { timeoutMs: TIMEOUT_MS, connections: 1 })
  t.teardown(() => peer.close())
  const limits = [{}, { timeoutMs: TIMEOUT_MS / 2 }]
  const requests = limits.map((each) => peer.request('GET', '/', undefined, each))
  const errors = await Promise.all(requests.map((each) => each.catch((error) => error)))
  t.match(errors, [{ delivered: true }, { delivered: false }])
})

/** A server that sends `bytes` in pieces, one each `everyMs`. */
async function slowly(bytes: number, pieces: number, everyMs: number) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes}\r\n\r\n`)
      let sent = 0
      const timer = setInterval(() => {
        socket.write('x'.repeat(bytes / pieces))
        if (++sent === pieces) clearInterval(timer)
      }, everyMs)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

t.test('a transfer may take what its bytes take, and its reader may rest', async (t) => {
  const bytes = 32 * 1024 * 100
  const pool = new Pool(await slowly(bytes, 20, TIMEOUT_MS / 5))
  t.teardown(() => pool.destroy())
  const sender = pool.compose(paced({ timeoutMs: TIMEOUT_MS }))
  const { body } = await sender.request({ method: 'GET', path: '/' })
  let got = 0
  for await (const chunk of body) {
    if (got === 0) await new Promise((resolve) => setTimeout(resolve, 3 * TIMEOUT_MS))
    got += (chunk as Buffer).length
  }
  t.equal(got, bytes)
})
