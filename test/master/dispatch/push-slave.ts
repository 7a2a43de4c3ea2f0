// Push channels to a server that stands for a slave and answers as a test likes.

import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { Test } from 'tap'
import type { Input } from '../../../master/core/messages.ts'
import { createPushChannels } from '../../../master/dispatch/push-channel.ts'

/** What the slave says of itself. */
export const state = {
  slave: 'a',
  boot: 'boot-1',
  generation: 1,
  slots: 2,
  free: 2,
  mode: 'accepting',
  reason: '',
}

/** The channels, the URL of the slave, and what the core hears. Closed at the end of the test. */
export async function openPush(t: Test, listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const heard: Input[] = []
  const channels = createPushChannels({
    askTimeoutMs: 5_000,
    receive: (input) => heard.push(input),
  })
  t.teardown(async () => {
    await channels.close()
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as { port: number }
  return { channels, heard, url: `http://127.0.0.1:${port}` }
}
