// The stream of events: what of it becomes an event, and from where it continues when it breaks.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import t from 'tap'
import type { MasterEvent } from '../../../shared/client/client.ts'
import { createClient, UnreachableError } from '../../../shared/client/client.ts'

/** A master whose streams are these, one after the other; each is a list of chunks. */
async function startStreams(t: Test, streams: string[][]) {
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    const chunks = streams[asked.length] ?? []
    asked.push(request.headers['last-event-id'] as string | undefined)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const next = (): void => {
      const chunk = chunks.shift()
      if (chunk === undefined) response.end()
      else response.write(chunk, () => setImmediate(next))
    }
    next()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const client = createClient({ url: `http://127.0.0.1:${port}` })
  t.teardown(async () => {
    await client.close()
    server.close()
  })
  return { client, asked }
}

/** The first events of a stream. */
async function first(count: number, events: AsyncIterable<MasterEvent>): Promise<MasterEvent[]> {
  const found: MasterEvent[] = []
  for await (const event of events) if (found.push(event) === count) break
  return found
}

t.test('reads events however their bytes and lines are cut', async (t) => {
  const text =
    'id: 7\n\n: beat\n\nid: 8\nevent: task\ndata: {"a":"ä\u2028"}\n\nid:9\r\nevent:slave\r\ndata:[1,\r\ndata:2]\r\n\r\nevent: empty\n\ndata: 3\n\n'
  const wanted = [
    { id: '8', event: 'task', data: { a: 'ä\u2028' } },
    { id: '9', event: 'slave', data: [1, 2] },
    { id: '9', event: 'message', data: 3 },
  ]
  for (const chunks of [[text], text.split('')]) {
    const { client } = await startStreams(t, [chunks])
    t.same(await first(3, client.stream()), wanted)
  }
})

t.test(
  'continues after the last whole event, or after the id that the stream began with',
  async (t) => {
    const { client, asked } = await startStreams(t, [
      ['id: 1\n\n'],
      ['id: 2\ndata: "two"\n\nid: 3\ndata: "cut'],
      ['id: 3\ndata: "three"\n\n'],
    ])
    const events = await first(2, client.stream({}, { lastEventId: '0' }))
    t.same(
      events.map(({ data }) => data),
      ['two', 'three'],
    )
    t.same(asked, ['0', '1', '2'])
  },
)

t.test('gives up on what no master says', async (t) => {
  for (const chunks of [
    ['data: {\n\n'],
    ['data: ', ...Array<string>(17).fill('x'.repeat(1 << 20))],
  ]) {
    const { client } = await startStreams(t, [chunks])
    await t.rejects(first(1, client.stream()), UnreachableError)
  }
})
