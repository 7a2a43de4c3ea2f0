// Silent connections keep nobody from connecting.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import t from 'tap'
import { limitConnections } from '../../../shared/http/connection-limits.ts'

const SOCKETS_MAX = 16
const ASK = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'

async function setUp() {
  const held: (() => void)[] = []
  const server = createServer((request, response) => {
    if (request.url === '/held') held.push(() => response.end('held'))
    else response.end('ok')
  })
  limitConnections(server, SOCKETS_MAX)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets: Socket[] = []
  let closed = 0
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const dial = async (text = '') => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.on('close', () => closed++)
    sockets.push(socket)
    await once(socket, 'connect')
    socket.write(text)
    return socket
  }
  return { dial, held, closed: () => closed }
}

const answered = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0])

t.test('a connection that asks gets in however many are silent', async (t) => {
  const { dial, closed } = await setUp()
  for (let i = 0; i < 5 * SOCKETS_MAX; i++) await dial()
  t.match(await answered(await dial(ASK)), /200 OK/)
  t.ok(closed() >= 4 * SOCKETS_MAX, `${closed()} were closed for it`)
})

t.test('and however many are idle, but not when all are busy', async (t) => {
  const { dial, held } = await setUp()
  for (let i = 0; i < 2 * SOCKETS_MAX; i++) await answered(await dial(ASK))
  t.match(await answered(await dial(ASK)), /200 OK/)

  const busy = []
  for (let i = 0; i < SOCKETS_MAX; i++) busy.push(await dial(ASK.replace('/', '/held')))
  while (held.length < SOCKETS_MAX) await new Promise(setImmediate)
  const late = await dial(ASK)
  await once(late, 'close')
  for (const end of held) end()
  for (const socket of busy) t.match(await answered(socket), /held/)
})

t.test('a silent connection is closed after a while, and one that asked is not', async (t) => {
  const { dial } = await setUp()
  const asked = await dial(ASK)
  await answered(asked)
  const silent = await dial()
  await once(silent, 'close')
  asked.write(ASK)
  t.match(await answered(asked), /200 OK/)
})
