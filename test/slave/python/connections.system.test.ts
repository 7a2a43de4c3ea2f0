// Connections without a request keep nobody from connecting to the Python slave (routes/server.py), as
// with our server (test/shared/http/connection-limits).

import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { folderOf } from '../../folder.ts'
import { findPython } from '../../python.ts'
import { until } from '../../requests.ts'
import { freePort, startServer } from '../../rigs/cluster/programs.ts'

const python = findPython('http.server')
const skip = python ? false : 'python3 (3.11 or later) is not installed'
const SLAVE = join(import.meta.dirname, '../../../slave/python/slave.py')
const ASK = 'GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'
/** As in routes/connections.py. */
const CONNECTIONS_MAX = 256

t.test('the Python slave', { skip }, async (t) => {
  // Its master is not there: that keeps it from nothing that this test looks at.
  const away = `http://127.0.0.1:${await freePort()}`
  const args = [SLAVE, '--master', away, '--port', '0', '--data', folderOf(t)]
  const { url } = await startServer(t, [python as string, ...args])
  const port = Number(new URL(url).port)
  const sockets: Socket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  let closed = 0
  const dial = async (text = ''): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.once('close', () => closed++)
    sockets.push(socket)
    await once(socket, 'connect')
    socket.write(text)
    return socket
  }
  const answer = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0])

  for (const [sends, text] of [
    ['nothing', ''],
    ['half a request', ASK.slice(0, 20)],
    ['half a body', 'POST /offers HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"offers"'],
  ] as const) {
    await t.test(`answers however many connections send ${sends}`, async (t) => {
      closed = 0
      for (let i = 0; i < 2 * CONNECTIONS_MAX; i++) await dial(text)
      t.match(await answer(await dial(ASK)), /200 OK/)
      // Room was made for it.
      await until(async () => closed > CONNECTIONS_MAX)
    })
  }

  await t.test('answers however many are idle', async (t) => {
    for (let i = 0; i <= CONNECTIONS_MAX; i++) await answer(await dial(ASK))
    t.match(await answer(await dial(ASK)), /200 OK/)
  })

  await t.test('closes a silent connection after a while, and not one that asked', async (t) => {
    const asked = await dial(ASK)
    await answer(asked)
    await once(await dial(), 'close')
    asked.write(ASK)
    t.match(await answer(asked), /200 OK/)
  })
})
