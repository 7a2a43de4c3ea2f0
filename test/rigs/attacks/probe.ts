// A process that asks a master's /healthz again and again on a connection of its own, and at the same time
// a server that does nothing else. What that takes, and what the master's thread waits for a processor
// meanwhile, is the machine's delay and no fault of the master.
//
//   node probe.ts URL; begins at the message { begin: PID }, and answers "pause" with what it has seen since

import { readFileSync } from 'node:fs'
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
// Before anything is waited for: the rig may end meanwhile.
process.on('disconnect', () => process.exit())
const [master = ''] = process.argv.slice(2)
const agents = [1, 2].map(() => new Agent({ keepAlive: true, maxSockets: 1 }))
const idle = new Worker(OK, { eval: true })
const port = await new Promise<number>((resolve) => idle.once('message', resolve))
let seen: Seen = nothing()
let probing = false

process.on('message', (what: { begin: number } | 'pause') => {
  probing = what !== 'pause'
  if (what === 'pause') return void process.send?.(seen)
  seen = nothing()
  void probe(what.begin)
  process.send?.('begun')
})

async function probe(pid: number): Promise<void> {
  while (probing) {
    const before = queuedMs(pid)
    try {
      const [ms, machineMs] = await Promise.all([
        ask(`${master}/healthz`, agents[0] as Agent),
        ask(`http://127.0.0.1:${port}/`, agents[1] as Agent),
      ])
      const ownMs = ms - machineMs - (queuedMs(pid) - before)
      seen.count += 1
      seen.slowestMs = Math.max(seen.slowestMs, ownMs)
      seen.withMachineMs = Math.max(seen.withMachineMs, ms)
    } catch (error) {
      // What is asked while the master is killed has no answer.
      if (probing) seen.failures.push((error as Error).message)
    }
    await sleep(EVERY_MS)
  }
}

/** How long the main thread of a process has waited for a processor, where the system tells (Linux). */
function queuedMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1]) / 1e6
  } catch {
    return 0
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
  return { count: 0, slowestMs: 0, withMachineMs: 0, failures: [] }
}
