// Bytes that are no request, or hardly one, and connections that say nothing.

import { connect } from 'node:net'
import type { Random } from '../../../shared/data/random.ts'

const POST = 'POST /tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n'
const CORPUS: (string | Buffer)[] = [
  '',
  '\r\n\r\n',
  'GET',
  'GET / HTTP/9.9\r\n\r\n',
  'GET  /  HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
  `GET /${'a'.repeat(15_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
  'GET /%ff%fe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'GET /tasks/%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  `${POST}Transfer-Encoding: chunked\r\n\r\nZZ\r\n`,
  `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  `${POST}Content-Length: -1\r\n\r\n`,
  `${POST}Content-Length: 99999999999999999999\r\n\r\n`,
  `${POST}Content-Length: 10\r\n\r\n{"a`,
  `${POST}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`,
  `${POST}Expect: nonsense\r\nContent-Length: 2\r\n\r\n{}`,
  `${POST}${'x: y\r\n'.repeat(4_000)}\r\n`,
  `${POST}X: ${'\u0001'.repeat(20)}\r\n\r\n`,
  Buffer.concat([
    Buffer.from(`${POST}Content-Length: 4\r\n\r\n`),
    Buffer.from([0xff, 0xfe, 0xc0, 0x80]),
  ]),
  `${POST}Content-Length: 1000000\r\n\r\n${'['.repeat(500_000)}${']'.repeat(500_000)}`,
  `${POST}Content-Length: 18\r\n\r\n{"__proto__": null}`,
  Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01]),
]
const AT_A_TIME = 32

/** Throws all of it, broken further by chance; and opens connections that say nothing. */
export async function throwRaw(
  urls: string[],
  random: Random,
  { raw, sockets }: { raw: number; sockets: number },
  note: (status: number, what: string, text: string) => void,
): Promise<void> {
  const ports = urls.map((url) => Number(new URL(url).port))
  const idle = Array.from({ length: sockets }, () => {
    const socket = connect(ports[0] as number, '127.0.0.1')
    return socket.on('error', () => {})
  })
  let left = raw
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const bytes = broken(CORPUS[left % CORPUS.length] as string | Buffer, random)
      const heard = await throwOne(ports[left % ports.length] as number, bytes, random.next() < 0.2)
      const status = /^HTTP\/1\.1 (\d{3})/.exec(heard)?.[1]
      if (status)
        note(Number(status), JSON.stringify(bytes.toString('latin1').slice(0, 200)), heard)
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, lane))
  for (const socket of idle) socket.destroy()
}

function broken(text: string | Buffer, random: Random): Buffer {
  const bytes = Buffer.from(text)
  if (random.next() < 0.5 || bytes.length === 0) return bytes
  for (let i = 0; i < 3; i++) {
    bytes[Math.floor(random.next() * Math.min(400, bytes.length))] = Math.floor(random.next() * 256)
  }
  return bytes
}

/** Says it, and gives what comes back within a moment; some hang up at once. */
function throwOne(port: number, bytes: Buffer, hangUp: boolean): Promise<string> {
  return new Promise((resolve) => {
    let heard = ''
    const socket = connect(port, '127.0.0.1')
    const timer = setTimeout(() => socket.destroy(), 300)
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(heard)
    })
    socket.write(bytes, () => {
      if (hangUp) socket.destroy()
    })
  })
}
