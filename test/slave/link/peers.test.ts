// Where a slave connects to its peers, and where it does not.

import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import t from 'tap'
import type { Role } from '../../../shared/http/certificates.ts'
import { createAuthority, createKey, issue, publicHalf } from '../../../shared/http/certificates.ts'
import { createPeer } from '../../../shared/http/peer.ts'
import { connectToPeers } from '../../../slave/link/peers.ts'

/** A slave at 127.0.0.1 with a file. */
async function serve(t: Test): Promise<string> {
  const server = createServer((_, response) => void response.end('"a file"'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

type Slave = { host: string; advertise?: string; own?: string }

/** What a slave that listens at `host` gets from there. */
async function fetched(t: Test, url: string, { host, advertise, own }: Slave): Promise<unknown> {
  const connect = connectToPeers(
    { host, requestTimeoutMs: 1_000, ...(advertise === undefined ? {} : { advertise }) },
    undefined,
    () => own ?? 'http://10.0.0.1:9001',
  )
  const peer = createPeer(url, { connect, timeoutMs: 2_000 })
  t.teardown(peer.close)
  return peer.request('GET', '/').catch((error: Error) => error.message)
}

t.test('a slave on this machine alone reaches others on it', async (t) => {
  const url = await serve(t)
  t.equal(await fetched(t, url, { host: '127.0.0.1' }), 'a file')
  t.equal(await fetched(t, url, { host: 'localhost' }), 'a file')
  t.equal(await fetched(t, url, { host: '::1' }), 'a file')
})

t.test('a slave of a network reaches nobody on its own machine but itself', async (t) => {
  const url = await serve(t)
  const refusal = '127.0.0.1 is not in the networks that a slave fetches files from'
  t.match(await fetched(t, url, { host: '10.0.0.1' }), refusal)
  t.match(await fetched(t, url, { host: '10.0.0.1', advertise: 'no address' }), refusal)
  t.match(await fetched(t, url, { host: '10.0.0.1', advertise: 'http://10.0.0.1:9001' }), refusal)
  t.match(await fetched(t, url, { host: '10.0.0.1', own: url.replace('http', 'https') }), refusal)
  t.equal(await fetched(t, url, { host: '10.0.0.1', own: url }), 'a file', 'itself')
})

t.test('a slave that is known by an address of its machine reaches others on it', async (t) => {
  const url = await serve(t)
  const here = 'http://127.0.0.1:9001'
  t.equal(await fetched(t, url, { host: '10.0.0.1', advertise: here }), 'a file')
  t.equal(await fetched(t, url, { host: '127.0.0.1', advertise: 'http://10.0.0.1:1' }), 'a file')
})

t.test('a slave reaches no address where none can be', async (t) => {
  const refusal = /169\.254\.169\.254 is not in the networks/
  t.match(await fetched(t, 'http://169.254.169.254', { host: '127.0.0.1' }), refusal)
})

t.test('with certificates, a slave fetches from slaves, and from nobody else', async (t) => {
  const authority = await createAuthority()
  const ca = authority.certificate
  const certified = async (role: Role) => {
    const key = createKey()
    const about = { role, name: 'other', addresses: ['127.0.0.1'], lifeMs: 60_000 }
    const { certificate } = await issue(authority, { ...about, publicKey: publicHalf(key) })
    return { key, cert: certificate, ca }
  }
  const material = await certified('slave')
  const given = { host: '127.0.0.1', requestTimeoutMs: 1_000 }
  const connect = connectToPeers(
    given,
    () => material,
    () => 'https://10.0.0.1:1',
  )
  for (const [role, wanted] of [
    ['slave', 'a file'],
    ['client', /client other answers there, not a slave/],
    ['master', /master other answers there, not a slave/],
  ] as const) {
    const server = createTlsServer(
      { ...(await certified(role)), requestCert: true, rejectUnauthorized: true },
      (_, response) => void response.end('"a file"'),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const peer = createPeer(url, { connect, timeoutMs: 5_000 })
    t.teardown(async () => {
      await peer.close()
      server.closeAllConnections()
      server.close()
    })
    const said = await peer.request('GET', '/').catch((error: Error) => error.message)
    t.match(said, wanted, role)
  }
})
