// A client's connection, as lean as it can be: HTTP/1.1 by hand over one socket, one request at a
// time. The load shares the cores with what it measures, so every microsecond here is one less there.

import type { Socket } from 'node:net'
import { connect } from 'node:net'

/** `body` is good only during the call. */
export type OnAnswer = (status: number, body: Buffer) => void

export type Connection = Awaited<ReturnType<typeof openConnection>>

const HEAD_END = Buffer.from('\r\n\r\n')
const LENGTH = 'content-length: '

/** Connects; `onBroken` is called when the connection ends while an answer is owed. */
export async function openConnection(url: string, onBroken: (error: Error) => void) {
  const { hostname, port } = new URL(url)
  const socket = await connected(hostname, Number(port))
  let owed: OnAnswer | undefined
  let before: Buffer | undefined
  let wanted = 0

  socket.setNoDelay(true)
  socket.on('data', take)
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection was closed')))

  return {
    /** Sends a whole request, given as latin1 text. */
    send(request: string, onAnswer: OnAnswer): void {
      owed = onAnswer
      socket.write(request, 'latin1')
    },
    close(): void {
      owed = undefined
      socket.destroy()
    },
  }

  function take(chunk: Buffer): void {
    const bytes = before ? Buffer.concat([before, chunk]) : chunk
    before = bytes
    if (bytes.length < wanted) return
    const headEnd = bytes.indexOf(HEAD_END)
    if (headEnd < 0) return
    const head = bytes.toString('latin1', 0, headEnd).toLowerCase()
    const at = head.indexOf(LENGTH)
    if (at < 0) {
      fail(new Error('an answer without Content-Length'))
      return
    }
    wanted = headEnd + HEAD_END.length + Number.parseInt(head.slice(at + LENGTH.length), 10)
    if (bytes.length < wanted) return
    before = undefined
    wanted = 0
    const onAnswer = owed
    owed = undefined
    onAnswer?.(Number(head.slice(9, 12)), bytes.subarray(headEnd + HEAD_END.length))
  }

  function fail(error: Error): void {
    if (owed === undefined) return
    owed = undefined
    onBroken(error)
  }
}

function connected(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('error', reject)
  })
}
