// Measures the steps of an event loop: what lies between two turns of a short timer. Between them lies
// at most the rest of one turn of the event loop and one more: what exceeds the period is a step during
// which nothing else was served. Each step of REPORTED_MS or more is appended to a file as a line
// "CPU WALL QUEUED", in milliseconds: CPU time of the thread, time that passed beyond the period while it
// ran or waited for something else than a processor, and what it waited for a processor.
//
// Preloaded into a master (node --import) with FUZZ_STEPS set to the file. Loading the program is not
// counted: it begins when the first HTTP server listens (others look whether a port is free).

import { appendFileSync, readFileSync } from 'node:fs'
import { Server as HttpServer } from 'node:http'
import { Server } from 'node:net'

const PERIOD_MS = 10
export const REPORTED_MS = 40
const file = process.env.FUZZ_STEPS

const cpuMs = () => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** How long this thread has waited for a processor, where the system tells (Linux). In milliseconds. */
function queuedMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}

const now = () => ({ cpu: cpuMs(), at: performance.now(), queued: queuedMs() })

if (file !== undefined) {
  const { listen } = Server.prototype
  let isWatched = false
  Server.prototype.listen = function (this: Server, ...args: unknown[]) {
    this.once('listening', () => {
      if (isWatched || !(this instanceof HttpServer)) return
      isWatched = true
      setImmediate(watchSteps, file)
    })
    return Reflect.apply(listen, this, args) as Server
  } as Server['listen']
}

export function watchSteps(steps: string): NodeJS.Timeout {
  let before = now()
  return setInterval(() => {
    const { cpu, at, queued } = now()
    const cpuMs = cpu - before.cpu
    const queuedMs = queued - before.queued
    const wallMs = at - before.at - PERIOD_MS - queuedMs
    if (Math.max(cpuMs, wallMs, queuedMs) >= REPORTED_MS)
      appendFileSync(steps, `${[cpuMs, wallMs, queuedMs].map((ms) => ms.toFixed(1)).join(' ')}\n`)
    before = now()
  }, PERIOD_MS).unref()
}
