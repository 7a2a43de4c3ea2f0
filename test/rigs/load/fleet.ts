// What is put under load: one master with its SQLite store, and slaves of many slots, all processes
// of their own on loopback. A slot is an executor that sleeps, so slots run out before processors do.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunningProcess, Teardown } from '../../e2e/processes.ts'
import { startMaster, startSlave } from '../../e2e/processes.ts'

export const SLAVES = 4
export const SLOTS_EACH = 16
export const SLOTS = SLAVES * SLOTS_EACH
/** What a task sleeps in the mean, exponentially distributed: 64 slots make about 256 tasks a second. */
export const SLEEP_MS = 250

export type Fleet = Awaited<ReturnType<typeof startFleet>>

/** Starts it. Whatever happens, nothing of it is left after close(), or after this process. */
export async function startFleet() {
  const ends: (() => unknown)[] = []
  const folder = mkdtempSync(join(tmpdir(), 'askfirst-load-'))
  const t: Teardown = { teardown: (run) => ends.push(run), testdir: () => folder }
  const dropFolder = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', dropFolder)
  const master = await startMaster(t, folder)
  const slaves: RunningProcess[] = []
  for (let i = 1; i <= SLAVES; i++) slaves.push(await startSlave(t, master.url, `slave-${i}`, args))
  return {
    url: master.url,
    /** The master and the agents, by what a person calls them. */
    pids: new Map([
      ['master', master.child.pid as number],
      ...slaves.map(({ child }, i): [string, number] => [`agent ${i + 1}`, child.pid as number]),
    ]),
    /** What they have complained about. */
    complaints: () => [master, ...slaves].map(({ stderr }) => stderr()).join(''),
    async close(): Promise<void> {
      for (const end of ends.toReversed()) await end()
      dropFolder()
    },
  }
}

const args = ['--kinds', 'sleep', '--slots', `${SLOTS_EACH}`, '--executors', `${SLOTS_EACH}`]
