// A master and the slaves that somebody asks for, for as long as something lasts: real processes on
// ports that the system chooses, with their data in a folder that goes away with them.

import { join } from 'node:path'
import { makeScratch } from '../../shared/process/scratch-folders.ts'
import type { Child } from './child.ts'
import { endChild, startChild, untilKnown } from './child.ts'

export const ROOT = join(import.meta.dirname, '../..')
const WAIT = { prefer: 'wait=60' }
/** One request to a master of ours, that wait and the answer included. In milliseconds. */
export const REQUEST_MS = 120_000

/** Of a job that has ended, what tours look at. */
export type EndedJob = {
  id: string
  status: string
  result: unknown
  resultText?: string
  failure?: unknown
  stages: { name: string; total: number; bytes: number; ms: number }[]
  ms: number
}
export type EndedPart = { part: number; result: unknown; slave: string; ms: number }

export type Fleet = {
  /** Its address. */
  master: string
  /** A folder for whatever is needed; it goes away. */
  folder: string
  /** Starts one of our slaves. */
  slave(name: string, args?: string[]): Promise<void>
  /** Starts the slave in Python. */
  pythonSlave(python: string, name: string, args?: string[]): Promise<void>
  /** Submits a job and waits for its end; throws unless it is done. */
  run(job: object): Promise<EndedJob>
  /** The parts of the stage of this name. */
  parts(id: string, stage: string): Promise<EndedPart[]>
}

/** Starts a master, does what is to be done, and stops everything, also on Ctrl-C. */
export async function withFleet(use: (fleet: Fleet) => Promise<void>): Promise<void> {
  const scratch = makeScratch()
  const folder = scratch.path
  const children: Child[] = []
  let stopping = false
  /** Ends what the master would wait for. */
  const over = new AbortController()
  const start = (name: string, command: string[]): Promise<string> => {
    if (stopping) throw new Error('stopped')
    const child = startChild(name, command, {
      ended(how) {
        if (!stopping) fail(new Error(how))
      },
    })
    children.push(child)
    return child.listens
  }
  let fail: (error: Error) => void = () => {}
  const failure = new Promise<never>((_, reject) => {
    fail = reject
  })
  const onSignal = (): void => {
    // A second one ends what is still stopping.
    if (stopping) for (const child of children) child.process.kill('SIGKILL')
    fail(new Error('stopped'))
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const
  for (const signal of signals) process.on(signal, onSignal)
  try {
    await Promise.race([failure, startMaster(start, folder, over.signal).then(use)])
  } finally {
    stopping = true
    over.abort()
    const [master, ...slaves] = children
    await Promise.all(slaves.map(endChild))
    if (master) await endChild(master)
    scratch.close()
    for (const signal of signals) process.off(signal, onSignal)
  }
}

type Start = (name: string, command: string[]) => Promise<string>

async function startMaster(start: Start, folder: string, signal: AbortSignal): Promise<Fleet> {
  const quiet = ['--log-level', 'error']
  const data = (name: string): string[] => ['--data', join(folder, name)]
  const node = (file: string): string[] => [process.execPath, join(ROOT, file)]
  const given = ['--port', '0', ...data('master'), ...quiet]
  const master = await start('master', [...node('master/main.ts'), ...given])
  const to = (name: string): string[] => [
    '--master',
    master,
    '--name',
    name,
    '--port',
    '0',
    ...data(name),
  ]
  return {
    master,
    folder,
    async slave(name, args = []) {
      const one = ['--slots', '1', '--executors', '1', ...quiet]
      const url = await start(name, [...node('slave/main.ts'), ...to(name), ...one, ...args])
      await untilKnown(master, name, url)
    },
    async pythonSlave(python, name, args = []) {
      const command = [python, join(ROOT, 'slave/python/slave.py'), ...to(name), ...args]
      await untilKnown(master, name, await start(name, command))
    },
    async run(job) {
      const headers = { 'content-type': 'application/json', ...WAIT }
      const body = JSON.stringify(job)
      const until = () => AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)])
      const given = { method: 'POST', headers, body, signal: until() }
      let response = await fetch(`${master}/jobs`, given)
      let ended = (await response.json()) as EndedJob & { endedAt?: string | null }
      while (ended.endedAt === null) {
        response = await fetch(`${master}/jobs/${ended.id}`, { headers: WAIT, signal: until() })
        ended = (await response.json()) as typeof ended
      }
      if (ended.status !== 'done') {
        throw new Error(`the job failed: ${JSON.stringify(ended.failure ?? ended)}`)
      }
      return ended
    },
    async parts(id, stage) {
      const path = `/jobs/${id}/parts?stage=${stage}`
      const response = await fetch(master + path, { signal: AbortSignal.timeout(REQUEST_MS) })
      const { stages } = (await response.json()) as { stages: { parts: EndedPart[] }[] }
      return stages[0]?.parts ?? []
    },
  }
}
