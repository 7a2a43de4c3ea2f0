// Preloaded into a master (`node --import`): for each request that was refused with 503, the processor time
// of the main thread from the request's head parsed to the response written (what other requests took in the
// same turn is in it), and the time by the clock. SIGUSR2 begins the next phase; PROBE_FILE gets the figures
// of all phases at the end.

import { subscribe } from 'node:diagnostics_channel'
import { writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isMainThread } from 'node:worker_threads'
import { summarize } from './summary.ts'

export type ProbeFigures = Record<'cpuMs' | 'clockMs', ReturnType<typeof summarize>>

type Message = { request: IncomingMessage; response: ServerResponse }
type Times = { cpu: number; clock: number }

const file = process.env.PROBE_FILE
if (isMainThread && file !== undefined) {
  const started = new WeakMap<IncomingMessage, Times>()
  const phases: ProbeFigures[] = []
  let cpuMs: number[] = []
  let clockMs: number[] = []
  subscribe('http.server.request.start', (message) => {
    started.set((message as Message).request, now())
  })
  subscribe('http.server.response.finish', (message) => {
    const { request, response } = message as Message
    const from = started.get(request)
    if (from === undefined || response.statusCode !== 503) return
    const to = now()
    cpuMs.push(to.cpu - from.cpu)
    clockMs.push(to.clock - from.clock)
  })
  const endPhase = (): void => {
    phases.push({ cpuMs: summarize(cpuMs), clockMs: summarize(clockMs) })
    cpuMs = []
    clockMs = []
  }
  process.on('SIGUSR2', endPhase)
  process.on('exit', () => {
    endPhase()
    writeFileSync(file, JSON.stringify(phases))
  })
}

function now(): Times {
  const { user, system } = process.threadCpuUsage()
  return { cpu: (user + system) / 1000, clock: performance.now() }
}
