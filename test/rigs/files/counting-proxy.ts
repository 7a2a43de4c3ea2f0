// A proxy between a slave and its master that counts which blobs it passes on, and can hold back an upload.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '../../folder.ts'

export type CountingProxy = Awaited<ReturnType<typeof startCountingProxy>>

export async function startCountingProxy(t: Teardown, master: string) {
  /** How often each blob was fetched, from its beginning. */
  const fetched = new Map<string, number>()
  const count = { uploads: 0 }
  /** Called when an upload begins; the upload goes on when it resolves. */
  let onUpload = async (): Promise<void> => {}
  const server = createServer((request, response) => void pass(request, response))
  server.requestTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fetched,
    count,
    holdUploads: (hold: () => Promise<void>): void => void (onUpload = hold),
  }

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    const blob = /^\/blobs\/(\w+)$/.exec(url)?.[1]
    if (method === 'GET' && blob !== undefined && headers.range === undefined) {
      fetched.set(blob, (fetched.get(blob) ?? 0) + 1)
    }
    if (method === 'PUT') {
      count.uploads++
      await onUpload()
    }
    const { host: _, ...passed } = headers
    const sent = send(new URL(url, master), { method, headers: passed }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers)
      reply.pipe(response)
    })
    sent.on('error', () => response.destroy())
    request.on('error', () => sent.destroy())
    response.on('close', () => sent.destroy())
    request.pipe(sent)
  }
}
