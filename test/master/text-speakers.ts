// A master in this process, and a slave that is a bare server: both sides speak in text, so that a test
// can compare what travels byte for byte.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { startQuietMaster } from '../quiet-master.ts'

export type Store = 'memory' | 'sqlite'

/** A master, and a slave of kinds that only it knows, and of `sleep`. Both speak in text. */
export async function startTextSpeakers(t: Test, store: Store) {
  const master = await startQuietMaster(t, { store })
  const card = { name: 'a', boot: 'b', version: '1', kinds: ['own', 'sleep'], tags: [], slots: 64 }
  const state = { slave: 'a', boot: 'b', generation: 1, slots: 64, free: 64, mode: 'accepting' }
  const offered: string[] = []
  const slave = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => {
      text += chunk
    })
    request.on('end', () => {
      if (text !== '') offered.push(text)
      const asked = text === '' ? [] : (JSON.parse(text).offers as { attempt: string }[])
      const answers = asked.map(({ attempt }) => ({ attempt, answer: 'taken', reason: '' }))
      const said = { card, state: { ...state, reason: '' }, attempts: [], answers }
      response.setHeader('content-type', 'application/json').end(JSON.stringify(said))
    })
  }).listen(0, '127.0.0.1')
  await once(slave, 'listening')
  t.teardown(() => slave.close())
  const send = async (
    method: string,
    path: string,
    body?: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; text: string }> => {
    const json = { 'content-type': 'application/json', ...headers }
    const given = body === undefined ? { method, headers } : { method, body, headers: json }
    const answer = await fetch(`${master.url}${path}`, given)
    return { status: answer.status, text: await answer.text() }
  }
  const url = `http://127.0.0.1:${(slave.address() as AddressInfo).port}`
  t.equal((await send('POST', '/slaves', JSON.stringify({ ...card, url }))).status, 200)
  /** The attempt and task of the newest offer. */
  const newest = () => {
    const [, attempt, task] = /"attempt":"([^"]+)","task":"([^"]+)"/.exec(offered.at(-1) as string)!
    return { attempt, task }
  }
  return { url: master.url, send, offered, newest, state: JSON.stringify({ ...state, reason: '' }) }
}
