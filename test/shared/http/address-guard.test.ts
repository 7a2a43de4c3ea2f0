// Where the master connects to: nothing that a slave says makes it call a canary.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import t from 'tap'
import type { Input } from '../../../master/core/messages.ts'
import { createPushChannels } from '../../../master/dispatch/push-channel.ts'
import { createSlaveConnector } from '../../../master/security/slave-connector.ts'
import { createAddressGuard } from '../../../shared/http/address-guard.ts'

const REFUSED: Record<string, string[]> = {
  loopback: [
    'http://127.0.0.1',
    'http://127.1',
    'http://127.255.255.254',
    'http://2130706433',
    'http://0x7f000001',
    'http://0x7f.0.0.1',
    'http://0177.0.0.1',
    'http://017700000001',
    'http://127.0.1',
    'http://[::1]',
    'http://[0:0:0:0:0:0:0:1]',
    'http://[::ffff:127.0.0.1]',
    'http://[::ffff:7f00:1]',
    'http://[::127.0.0.1]',
    'http://[64:ff9b::7f00:1]',
    'http://[2002:7f00:1::]',
    'http://１２７.0.0.1',
  ],
  unspecified: ['http://0.0.0.0', 'http://0', 'http://[::]', 'http://[::ffff:0.0.0.0]'],
  'link-local and metadata': [
    'http://169.254.169.254',
    'http://2852039166',
    'http://0xa9fea9fe',
    'http://0251.0376.0251.0376',
    'http://169.254.43518',
    'http://[::ffff:169.254.169.254]',
    'http://[fe80::1]',
    'http://[fd00:ec2::254]',
    'http://100.100.100.200',
    'http://168.63.129.16',
    'http://192.0.0.192',
  ],
  'IPv4 within IPv6, but mapped': ['http://[::10.0.0.5]', 'http://[::ffff:0:10.0.0.5]'],
  'multicast and broadcast': ['http://224.0.0.1', 'http://[ff02::1]', 'http://255.255.255.255'],
  'what is no origin': [
    'http://10.0.0.5/path',
    'http://10.0.0.5?query',
    'http://name:word@10.0.0.5',
    'ftp://10.0.0.5',
    'file:///etc/passwd',
    'gopher://10.0.0.5',
    'http://[fe80::1%25eth0]',
    'nonsense',
  ],
}
const TAKEN = [
  'http://10.0.0.5:9001',
  'https://192.168.1.7',
  'http://172.16.0.1',
  'http://[fd12:3456::7]:9001',
  'http://203.0.113.9',
  'http://[::ffff:10.0.0.5]',
  'http://slave-1.example:9001',
]

const facing = createAddressGuard({ only: [], loopback: false })

t.test('refuses addresses where no slave is, however they are written', async (t) => {
  for (const [what, urls] of Object.entries(REFUSED)) {
    for (const url of urls) t.ok(facing.mistakeIn(url), `${what}: ${url}`)
  }
})

t.test('takes addresses of private and public networks, and names', async (t) => {
  for (const url of TAKEN) t.equal(facing.mistakeIn(url), null, url)
})

t.test('takes loopback where the master itself listens there', async (t) => {
  const { mistakeIn } = createAddressGuard({ only: [], loopback: true })
  for (const url of REFUSED.loopback?.slice(0, 5) ?? []) t.equal(mistakeIn(url), null, url)
  t.ok(mistakeIn('http://169.254.169.254'))
})

t.test('takes the networks that it was told and nothing else', async (t) => {
  const { isGood } = createAddressGuard({ only: ['10.1.0.0/16', 'fd00::/8'], loopback: false })
  const good = ['10.1.2.3', '::ffff:10.1.2.3', 'fd00::1']
  for (const address of good) t.ok(isGood(address), address)
  for (const address of ['10.2.0.1', '127.0.0.1', 'fe80::1']) t.notOk(isGood(address), address)
})

/** A server that nobody may reach, and how often somebody connected. */
async function startCanary(t: Test, location?: string) {
  let connections = 0
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(request.url ?? '')
    response.writeHead(location ? 302 : 200, location ? { location } : {}).end('{}')
  })
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return { port, connections: () => connections, paths }
}

/** What the master hears when it visits a slave at a URL. */
function visitor(t: Test, guard: ReturnType<typeof createAddressGuard>) {
  let hear: (input: Input) => void = () => {}
  const named = new Map<string, string>()
  const reach = createSlaveConnector({ guard, timeoutMs: 1000, named, material: null })
  const transport = createPushChannels({
    askTimeoutMs: 1000,
    receive: (input) => hear(input),
    reach,
  })
  t.teardown(() => transport.close())
  return (url: string): Promise<string> =>
    new Promise((resolve) => {
      hear = (input) => resolve(input.is === 'not-reached' ? input.reason : input.is)
      transport.visit('slave-1', url, null)
    })
}

t.test('does not reach a canary by any notation, nor by a name that resolves to it', async (t) => {
  const canary = await startCanary(t)
  const visit = visitor(t, facing)
  const { loopback = [], unspecified = [] } = REFUSED
  for (const url of [...loopback, ...unspecified, 'http://localhost']) {
    t.match(
      await visit(`${url}:${canary.port}`),
      /not in the networks that the master connects to/,
      url,
    )
  }
  t.equal(canary.connections(), 0)
})

t.test('looks at what a name resolves to for each connection', async (t) => {
  const canary = await startCanary(t)
  // The name was looked at when it was registered, and was good; now it is inward.
  t.equal(
    facing.mistakeIn(`http://localhost:${canary.port}`),
    null,
    'a name by itself says nothing',
  )
  t.match(await visitor(t, facing)(`http://localhost:${canary.port}`), /localhost resolves to/)
  t.equal(canary.connections(), 0)
})

t.test('does not follow where a slave sends it', async (t) => {
  const canary = await startCanary(t)
  const slave = await startCanary(t, `http://127.0.0.1:${canary.port}/`)
  const visit = visitor(t, createAddressGuard({ only: [], loopback: true }))
  t.match(await visit(`http://127.0.0.1:${slave.port}`), /answered 302/)
  t.same(slave.paths, ['/attempts'])
  t.equal(canary.connections(), 0)
})

t.test('does not offer work to what does not prove to be the slave', async (t) => {
  const stranger = await startCanary(t)
  const visit = visitor(t, createAddressGuard({ only: [], loopback: true }))
  t.match(await visit(`http://127.0.0.1:${stranger.port}`), /not an askfirst slave/)
  t.same(stranger.paths, ['/attempts'], 'it was asked who it is, and nothing else')
})
