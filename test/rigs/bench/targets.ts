// What the bench measures: askfirst as it is installed, and the three floors beside it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProcessOptions, Running } from './processes.ts'
import { start } from './processes.ts'

export type TargetName = 'route' | 'chain' | 'prototype' | 'askfirst'

export type Target = {
  name: TargetName
  words: string
  url: string
  /** Its processes, by role. */
  pids: Record<string, number>
  /** It says at GET /status how many tasks are done, and can hold a request until the result. */
  works: boolean
  /** It keeps its tasks, to be looked at afterwards. */
  keeps: boolean
  stop(): Promise<void>
}

export type OursOptions = {
  slots: number
  executors: number
  /** Where the master's folder is made; the system's folder for such things when not given. */
  folder?: string
  /** How their Node is started. */
  masterProcess?: ProcessOptions
  slaveProcess?: ProcessOptions
}

/** A master with its SQLite store in a new folder, and one slave. */
export async function startOurs(options: OursOptions): Promise<Target> {
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), 'askfirst-bench-'))
  const dropFolder = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', dropFolder)
  const quiet = ['--port', '0', '--log-level', 'warn']
  const masterArgs = [...quiet, '--data', folder]
  const master = await start('master/main.ts', masterArgs, options.masterProcess)
  const slaveArgs = [...quiet, '--master', master.url, '--name', 'slave-1']
  slaveArgs.push('--slots', `${options.slots}`, '--executors', `${options.executors}`)
  const slave = await start('slave/main.ts', slaveArgs, options.slaveProcess)
  await untilFree(master.url)
  return {
    name: 'askfirst',
    words: 'askfirst',
    url: master.url,
    pids: { master: master.pid, slave: slave.pid },
    works: true,
    keeps: true,
    async stop() {
      await slave.stop()
      await master.stop()
      dropFolder()
    },
  }
}

/** Floor (a): a Fastify route that does nothing. */
export async function startRoute(): Promise<Target> {
  const route = await start('test/rigs/bench/floors/route.ts')
  const pids = { master: route.pid }
  return floor('route', 'bare route', route, pids, [route])
}

/** Floor (b): client, master and slave with a request for each message, and nothing stored. */
export const startChain = (): Promise<Target> => startPair('chain', 'bare chain')

/** Floor (c): the durable prototype, with lists and group commits. */
export const startPrototype = (): Promise<Target> => startPair('prototype', 'durable prototype')

async function startPair(name: 'chain' | 'prototype', words: string): Promise<Target> {
  const slave = await start(`test/rigs/bench/floors/${name}-slave.ts`)
  const master = await start(`test/rigs/bench/floors/${name}-master.ts`, [slave.url])
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ url: master.url })
  await fetch(`${slave.url}/master`, { method: 'POST', headers, body })
  const pids = { master: master.pid, slave: slave.pid }
  return { ...floor(name, words, master, pids, [master, slave]), works: true }
}

function floor(
  name: TargetName,
  words: string,
  { url }: Running,
  pids: Record<string, number>,
  all: Running[],
): Target {
  const stop = async (): Promise<void> => {
    await Promise.all(all.map((running) => running.stop()))
  }
  return { name, words, url, pids, works: false, keeps: false, stop }
}

const FREE_MS_MAX = 20_000

async function untilFree(master: string): Promise<void> {
  const deadline = performance.now() + FREE_MS_MAX
  while (performance.now() < deadline) {
    const response = await fetch(`${master}/slaves`)
    const { slaves } = (await response.json()) as { slaves: { state: string }[] }
    if (slaves.some(({ state }) => state === 'free')) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('the slave did not register')
}
