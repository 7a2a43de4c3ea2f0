// A process that asks a master's /healthz again and again on a connection of its own, and in between
// a server of its own that does nothing else: what that takes is the machine's own delay.
//
//   node probe.ts URL; begins at the message "begin", and answers "pause" with what it has seen since

import type { IncomingMessage } from 'node:http'
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Seen } from './probing.ts'

const EVERY_MS = 20
const ANSWERED_MS = 60_000
const OK = `
  const { createServer } = require('node:http')
  const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1', () =>
    require('node:worker_threads').parentPort.postMessage(server.address().port))
`
const [master = ''] = process.argv.slice(2)
const agents = [1, 2].map(() => new Agent({ keepAlive: true, maxSockets: 1 }))
const idle = new Worker(OK, { eval: true })
const port = await new Promise<number>((resolve) => idle.once('message', resolve))
let seen: Seen = nothing()
let probing = false

process.on('message', (what) => {
  if (what === 'begin') {
    probing = true
    seen = nothing()
    void probe()
    process.send?.('begun')
  } else {
    probing = false
    process.send?.(seen)
  }
})
process.on('disconnect', () => process.exit())

async function probe(): Promise<void> {
  while (probing) {
    try {
      const [, machineMs] = await Promise.all([
        ask(`${master}/healthz`, agents[0] as Agent).then((ms) => {
          if (!probing) return
          seen.count += 1
          seen.slowestMs = Math.max(seen.slowestMs, ms)
        }),
        ask(`http://127.0.0.1:${port}/`, agents[1] as Agent),
      ])
      seen.machineMs = Math.max(seen.machineMs, machineMs)
    } catch (error) {
      // What is asked while the master is killed has no answer.
      if (probing) seen.failures.push((error as Error).message)
    }
    await sleep(EVERY_MS)
  }
}

function ask(url: string, agent: Agent): Promise<number> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage): void => {
      response.resume().once('end', () => {
        if (response.statusCode === 200) resolve(performance.now() - began)
        else reject(new Error(`status ${response.statusCode}`))
      })
    }
    get(url, { agent, timeout: ANSWERED_MS }, answered)
      .once('timeout', () => reject(new Error(`no answer within ${ANSWERED_MS} ms`)))
      .once('error', reject)
  })
}

function nothing(): Seen {
  return { count: 0, slowestMs: 0, machineMs: 0, failures: [] }
}
