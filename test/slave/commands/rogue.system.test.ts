// Programs that try to do harm, one after the other: each ends as the table says, nothing of it is left, the
// agent answers all the time, and the next task is right.

import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import t from 'tap'
import type { Outcome } from '../../../shared/protocol/wire.ts'
import { commandLineOf, isAlive } from '../../rigs/cluster/proc.ts'
import type { Trial } from './commanded-slave.ts'
import { CANARY, startCommandedSlave, trials } from './commanded-slave.ts'
import type { Rogue } from './rogues.ts'
import { DISK_BYTES_MAX, GRACE_MS, MEMORY_BYTES_MAX, PROCESSES_MAX, roguesOf } from './rogues.ts'

const MARK = `rogue-${process.pid}`
/** How late a run may end: this machine may be busy. In milliseconds. */
const LATE_MS = 30_000
const RIGHT = { program: 'sh', args: ['-c', 'echo $((6 * 7)); ls -A'] }
const WELL = { status: 'done', result: { stdout: '42\n', stderr: '' } }

for (const { trial, name, skip } of trials()) t.test(name, { skip }, (t) => tryRogues(t, trial))

async function tryRogues(t: Test, trial: Trial): Promise<void> {
  const { asRoot } = trial
  const slave = await startCommandedSlave(t, trial, {
    executors: 2,
    slots: 2,
    'kill-grace-ms': GRACE_MS,
    'command-memory-bytes-max': MEMORY_BYTES_MAX,
    'command-disk-bytes-max': DISK_BYTES_MAX,
    'command-processes-max': PROCESSES_MAX,
  })
  const outside = filesOutside()
  const passwd = readFileSync('/etc/passwd', 'utf8')
  t.match((await slave.run(RIGHT)).outcome, WELL)
  const idle = await answerTimes(slave.url, delay(2000))

  let times: number[] = []
  for (const rogue of roguesOf(MARK, slave.data)) {
    await t.test(rogue.does, async (t) => {
      const began = performance.now()
      const run = slave.run(rogue.input, rogue.runLimitMs)
      times = times.concat(await answerTimes(slave.url, run))
      const { outcome } = await run
      t.match(outcome, wanted(rogue), JSON.stringify(outcome).slice(0, 1000))
      if (rogue.ends !== 'done' && rogue.ends.includes('time-limit')) {
        const latest = rogue.runLimitMs + GRACE_MS + LATE_MS
        t.ok(performance.now() - began < latest, 'it ended within its limit and the grace')
      }
      t.same(processes(), [], 'none of its processes is left')
      const text = JSON.stringify(outcome)
      // Without another user, a program can read what the agent can.
      if (asRoot) t.notMatch(text, CANARY, 'it saw nothing of the agent')
      t.match((await slave.run(RIGHT)).outcome, WELL, 'the next task is right')
      await vanish(t, slave.left)
    })
  }
  t.same(filesOutside(), asRoot ? outside : filesOutside(), 'no file of them is left elsewhere')
  t.equal(readFileSync('/etc/passwd', 'utf8'), passwd)
  if (asRoot) t.equal(readFileSync(`${slave.data}/canary`, 'utf8'), CANARY)
  const [usual, most] = [percentile(idle, 0.99), percentile(times, 0.99)]
  t.comment(`p99 of GET /availability: ${most.toFixed(1)} ms; idle ${usual.toFixed(1)} ms`)
  // On a busy machine the agent itself waits for a processor.
  t.ok(most < Math.max(200, 5 * usual), `the agent answers within ${most} ms, idle ${usual} ms`)
}

function wanted({ ends, signal, prints }: Rogue) {
  const result = prints ? { result: { stdout: prints } } : {}
  if (ends === 'done') return { status: 'done', ...result }
  const type = new RegExp(`^(${ends.join('|')})$`)
  return { status: 'failed', type, ...(signal ? { signal } : {}), ...result } as unknown as Outcome
}

/** Processes of a rogue, with their command lines. */
function processes(): string[] {
  const ids = readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && name !== String(process.pid),
  )
  return ids
    .map(Number)
    .filter((id) => commandLineOf(id).includes(MARK) && isAlive(id))
    .map((id) => `${id} ${commandLineOf(id)}`)
}

/** Files of a rogue outside of the agent's folders. */
const filesOutside = (): string[] =>
  ['/tmp', '/var/tmp', '/dev/shm', '/run/lock'].flatMap((folder) => {
    try {
      return readdirSync(folder)
        .filter((name) => name.includes(MARK))
        .map((name) => `${folder}/${name}`)
    } catch {
      return []
    }
  })

/** Waits until nothing is left: the agent removes folders after it has delivered the outcome. */
async function vanish(t: Test, left: () => string[]): Promise<void> {
  for (let tries = 0; tries < 1000 && left().length > 0; tries++) await delay(10)
  t.same(left(), [], 'no file of it is left')
}

/** Asks the slave until a promise is settled; gives how long each answer took. In milliseconds. */
async function answerTimes(url: string, until: Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  let isOver = false
  void until.finally(() => (isOver = true)).catch(() => {})
  while (!isOver) {
    const began = performance.now()
    await (await fetch(`${url}/availability`)).text()
    times.push(performance.now() - began)
    await delay(20)
  }
  return times
}

const percentile = (times: number[], share: number): number =>
  times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
