// Servers that answer as no master or slave of ours does, to try clients on.

import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { Test } from 'tap'

const answer = (status: string, type: string, body: string): string =>
  `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`

/** Writes one character after the other, until the other side has enough. */
function drip(socket: Socket, text: string, everyMs: number): void {
  let at = 0
  const timer = setInterval(() => socket.write(text[at++ % text.length] as string), everyMs)
  socket.on('close', () => clearInterval(timer))
}

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n'

/** What each does with a request. */
export const ODD = {
  'says 403': (socket: Socket) => socket.write(answer('403 Forbidden', 'text/plain', 'no')),
  'says 500': (socket: Socket) => socket.write(answer('500 Oops', 'text/plain', 'oops')),
  'says HTML': (socket: Socket) => socket.write(answer('200 OK', 'text/html', '<html></html>')),
  'says the JSON of another service': (socket: Socket) =>
    socket.write(answer('200 OK', 'application/json', '{"status":"UP","groups":[]}')),
  'says nothing': () => {},
  'hangs up': (socket: Socket) => socket.destroy(),
  'drips a body': (socket: Socket) => {
    socket.write(`${HEAD}content-length: 1000000\r\n\r\n`)
    drip(socket, ' ', 20)
  },
  'drips headers': (socket: Socket) => {
    socket.write(HEAD)
    drip(socket, 'x-more: 1\r\n', 20)
  },
  'gives hints without end': (socket: Socket) =>
    drip(socket, 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', 1),
  'pours without end': (socket: Socket) => {
    socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`)
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`
    const pour = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', pour)
    pour()
  },
} satisfies Record<string, (socket: Socket) => unknown>

export type Odd = keyof typeof ODD
export const ODDITIES = Object.keys(ODD) as Odd[]

/**
 * A server that answers every request so, or those to which `normally` gives no answer of its own.
 * Gives where it is, and the paths it was asked for.
 */
export async function startOdd(
  t: Pick<Test, 'teardown'>,
  odd: Odd,
  normally: (path: string) => unknown = () => undefined,
) {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    let got = ''
    socket.on('data', (data) => {
      got += data.toString('latin1')
      for (;;) {
        const [head = '', ...rest] = got.split('\r\n\r\n')
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
        if (rest.length === 0 || got.length < head.length + 4 + length) return
        got = got.slice(head.length + 4 + length)
        const path = head.split(' ')[1] as string
        asked.push(path)
        const said = normally(path)
        if (said === undefined) ODD[odd](socket)
        else socket.write(answer('200 OK', 'application/json', JSON.stringify(said)))
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, asked, sockets }
}
