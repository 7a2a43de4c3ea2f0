// The files of a slave, with a server that stands for its master.

import { createHash } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type t from 'tap'
import type { Offer } from '../../../shared/protocol/wire.ts'
import { createRunFiles } from '../../../slave/files/run-files.ts'
import { connectToPeers } from '../../../slave/link/peers.ts'

type Test = Pick<typeof t, 'teardown' | 'testdir'>

export async function openRunFiles(
  t: Test,
  listener: RequestListener,
  more: { host?: string; transferMs?: number; cacheBytesMax?: number } = {},
) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  t.teardown(() => void server.close())
  const { port } = server.address() as AddressInfo
  const master = `http://127.0.0.1:${port}`
  const data = t.testdir()
  const url = () => 'http://me:1'
  const { host = '127.0.0.1', ...limits } = more
  const connect = { peer: connectToPeers({ host, requestTimeoutMs: 1000 }, undefined, url) }
  /** As an agent that starts in the same folder. */
  const open = () => {
    const runFiles = createRunFiles({ data, shared: null, master, url, connect, ...limits })
    t.teardown(() => runFiles.close())
    return runFiles
  }
  return { runFiles: open(), master, root: join(data, 'work'), data, open }
}

export const anOffer = (more: Partial<Offer>): Offer => ({
  attempt: 'a1',
  task: 't1',
  kind: 'k',
  input: {},
  runLimitMs: 1000,
  ...more,
})

export const never = new AbortController().signal

export const shaOf = (text: string): string => createHash('sha256').update(text).digest('hex')
