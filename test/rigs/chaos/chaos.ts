// `npm run chaos`: real processes, real faults, then judgement.
//
//   node test/rigs/chaos/chaos.ts [--short | --minutes N] [--seed S] [--netns] [--keep FOLDER] [--calm]
//
// `--short`, as without --minutes: what CI runs, four minutes. `--calm`: the same without faults.
// A run has five acts: start, trouble, healing, quiet, judgement. Everything that it makes - its
// processes, its disks, its namespaces, its folder - is gone when it ends, also when it fails.

import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createRandom } from '../../../shared/data/random.ts'
import { exitOnSignals } from '../cluster/scope.ts'
import { check, readStore } from './checker.ts'
import { createClients } from './clients.ts'
import { createFaults } from './faults.ts'
import { openHistory } from './history.ts'
import type { Reach } from './net.ts'
import { createNet } from './net.ts'
import { makePlace } from './places.ts'
import { report } from './report.ts'
import { createWork } from './work.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    short: { type: 'boolean', default: false },
    seed: { type: 'string' },
    netns: { type: 'boolean', default: false },
    calm: { type: 'boolean', default: false },
    keep: { type: 'string' },
  },
})
const minutes = Number(values.minutes ?? 4)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const SLAVES = 4
const TASKS_PER_SECOND = 250
/** What a run must have done, per minute, to count; a slow machine may take longer for it. */
const QUOTA = { acknowledged: 5_000, masterKill: 7.5, slaveKill: 25, partition: 2.5 }
const LONGER_AT_MOST = 3
const EASED = 10
const QUIET_MS_MAX = 60_000
const STOP_MS_MAX = 20_000
const START_MS_MAX = 30_000

const place = makePlace()
const cleanups: (() => void)[] = [() => place.remove()]
const cleanUp = (): void => {
  while (cleanups.length > 0) cleanups.pop()?.()
}
process.on('exit', cleanUp)
exitOnSignals()

try {
  process.exitCode = await run()
} finally {
  cleanUp()
}
process.exit()

async function run(): Promise<number> {
  const random = createRandom(seed)
  const masterDisk = place.disk('master', Math.ceil(160 + 60 * minutes))
  const slaveDisk = place.disk('slaves', 32)
  say(`seed ${seed}, ${minutes} minutes${values.netns ? ', in network namespaces' : ''}`)
  if (!masterDisk.mounted) say('no tmpfs may be mounted here: no full disks in this run')

  const watch: { reach: Reach } = { reach: () => {} }
  const reach: Reach = (...passed) => watch.reach(...passed)
  const net = await createNet({
    place,
    masterDisk,
    slaveDisk,
    random,
    slaves: SLAVES,
    namespaces: values.netns,
    reach,
  })
  cleanups.push(() => net.close())
  cleanups.push(() => {
    for (const member of net.members) member.killNow()
  })
  const historyFile = join(place.folder, 'history.ndjson')
  const history = openHistory(historyFile)
  const clients = createClients({
    url: net.front.url,
    history,
    random: createRandom(seed + 1),
    work: createWork(createRandom(seed + 2)),
    tasksPerSecond: TASKS_PER_SECOND,
    onAcknowledged: () => reach('202 read', '', null),
  })
  const faults = createFaults({
    net,
    masterDisk,
    slaveDisk,
    random,
    randomPerStream: (stream) => createRandom(seed + 100 + stream),
  })

  for (const member of net.members) member.start()
  if (!(await soon(allAlive, START_MS_MAX))) throw new Error('the slaves did not register')
  const startedAt = performance.now()
  clients.start()
  watch.reach = (...passed) => faults.reach(...passed)
  if (!values.calm) faults.start()
  await trouble()

  say('healing')
  await faults.stop()
  const healedAt = performance.now()
  await clients.stop()
  const quiet = await soon(allEnded, QUIET_MS_MAX)
  const quietMs = performance.now() - healedAt
  const emptied = await soon(noneHeld, QUIET_MS_MAX / 4)
  if (!emptied) say('some slave still holds attempts')
  await noneHeld(true)
  say(quiet ? 'quiet' : `not quiet within ${QUIET_MS_MAX} ms`)
  await clients.readAll()
  const status = await clients.get('/status')
  await clients.close()
  await history.close()
  for (const { member } of net.slaves) await member.end('SIGTERM', STOP_MS_MAX)
  await net.master.end('SIGTERM', STOP_MS_MAX)

  const storeFile = join(masterDisk.folder, 'askfirst.sqlite')
  if (values.keep) {
    mkdirSync(values.keep, { recursive: true })
    cpSync(masterDisk.folder, join(values.keep, 'store'), { recursive: true })
    for (const file of ['history.ndjson', ...net.members.map(({ name }) => `${name}.log`)]) {
      cpSync(join(place.folder, file), join(values.keep, file), { force: true })
    }
    const kills = net.members.flatMap((member) => member.kills)
    writeFileSync(join(values.keep, 'kills.json'), JSON.stringify(kills, null, 1))
  }
  const verdict = await check(historyFile, storeFile)
  return report({
    seed,
    quota: Object.fromEntries(
      Object.entries(values.calm ? {} : QUOTA).map(([name, n]) => [name, n * minutes]),
    ),
    tookMs: performance.now() - startedAt,
    quietMs: quiet ? quietMs : null,
    verdict,
    net,
    faults,
    status,
    rows: () => readStore(storeFile),
    historyFile,
  })

  async function trouble(): Promise<void> {
    const endAt = startedAt + minutes * 60_000
    const lastAt = startedAt + minutes * 60_000 * LONGER_AT_MOST
    for (let next = startedAt; ; ) {
      const now = performance.now()
      if (now >= lastAt || (now >= endAt && quotaMet())) return
      // On a slow machine next to nothing gets done between two kills: then there were enough of them.
      if (now >= endAt && quotaMet('acknowledged')) faults.ease(EASED)
      if (now >= next) {
        next += 15_000
        const { masterKill, slaveKill, partition } = faults.counts
        const s = Math.round((now - startedAt) / 1000)
        say(
          `${s} s: ${clients.acknowledged} acknowledged, ${clients.ended} seen ended, ` +
            `kills ${masterKill} + ${slaveKill}, partitions ${partition}`,
        )
      }
      await sleep(100)
    }
  }

  /** Whether all has happened that should have, `but` one thing. */
  function quotaMet(but?: string): boolean {
    const done = { ...faults.counts, acknowledged: clients.acknowledged } as Record<string, number>
    return Object.entries(QUOTA).every(
      ([name, n]) => name === but || (done[name] ?? 0) >= n * minutes,
    )
  }

  async function allAlive(): Promise<boolean> {
    const said = await clients.get('/status')
    return (said?.slaves as { alive: number } | undefined)?.alive === SLAVES
  }

  async function allEnded(): Promise<boolean> {
    const tasks = (await clients.get('/status'))?.tasks as Record<string, number> | undefined
    return tasks !== undefined && tasks.pending === 0 && tasks['in progress'] === 0
  }

  /** Whether no slave holds an attempt any more; with `write`, as the history's last word. */
  async function noneHeld(write = false): Promise<boolean> {
    let all = 0
    for (const { url, member } of net.slaves) {
      const from = performance.now()
      const attempts = await heldAt(url)
      const code = attempts < 0 ? null : 200
      const times = { from, to: performance.now() }
      if (write) history.write({ op: 'held', ...times, code, slave: member.name, attempts })
      all += Math.abs(attempts)
    }
    return all === 0
  }
}

async function heldAt(url: string): Promise<number> {
  try {
    const said = await fetch(`${url}/attempts`, { signal: AbortSignal.timeout(2_000) })
    return ((await said.json()) as { attempts: unknown[] }).attempts.length
  } catch {
    return -1
  }
}

/** Looks again until it holds; false after `mostMs`. */
async function soon(holds: () => Promise<boolean>, mostMs: number): Promise<boolean> {
  const until = performance.now() + mostMs
  while (performance.now() < until) {
    if (await holds()) return true
    await sleep(50)
  }
  return false
}

function say(words: string): void {
  process.stdout.write(`chaos: ${words}\n`)
}
