// `npm run wrong-versions [-- --only NAME,... --layer NAME --children N --check]`: are the tests sharp?
// The tree is copied; one wrong version at a time is applied there, and the test that its entry names
// must fail. Each of these tests must pass with the source as it is.
//
// `npm run planted-bugs` asks the same of the simulator alone; this asks it of the tests that own a rule.
//
// Fails when a wrong version is missed, when its test does not end, when it does not fit the source
// exactly once (../source/change.ts), or when it is no program. `--check` only looks whether they fit.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { exitOnSignals } from '../cluster/scope.ts'
import { readSource } from '../source/change.ts'
import { CHANNELS } from './channels.ts'
import { CLIENTS } from './clients.ts'
import { CORE } from './core.ts'
import { JOBS } from './jobs.ts'
import { SHELL } from './shell.ts'
import { SLAVES } from './slaves.ts'
import { STORES } from './stores.ts'
import type { WrongVersion } from './wrong-version.ts'

const ROOT = join(import.meta.dirname, '../../..')
const COPIED = ['package.json', 'master', 'slave', 'shared', 'test', 'deploy', '.taprc']
/** The slowest of the tests takes a third of this on a busy machine. One that waits in vain fails then. */
const TEST_MS_MAX = 240_000
/** A test that has not failed by then says nothing: the machine is too busy, or it cannot be ended. */
const OVERDUE_MS = 300_000

const LAYERS: Record<string, WrongVersion[]> = {
  core: CORE,
  shell: SHELL,
  stores: STORES,
  channels: CHANNELS,
  jobs: JOBS,
  clients: CLIENTS,
  slaves: SLAVES,
}

type Entry = WrongVersion & { layer: string }
const VERDICTS = ['caught', 'MISSED', 'WRONG ENTRY', 'NO END'] as const
type Verdict = (typeof VERDICTS)[number]
type Run = { failed: boolean; words: string; isMistake: boolean; overdue: boolean }

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    layer: { type: 'string' },
    children: { type: 'string', default: '2' },
    check: { type: 'boolean', default: false },
  },
})
const only = values.only?.split(',')
const entries: Entry[] = Object.entries(LAYERS)
  .flatMap(([layer, all]) => all.map((each) => ({ ...each, layer })))
  .filter(({ layer }) => values.layer === undefined || layer === values.layer)
  .filter(({ name }) => only?.some((part) => name.includes(part)) ?? true)

const source = readSource(ROOT)
checkEntries()
if (!values.check) {
  const folder = mkdtempSync(join(tmpdir(), 'askfirst-wrong-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  exitOnSignals()
  tell(await runAll(folder))
}

/** Ends the process when there is no entry, or one that does not fit the source. */
function checkEntries(): void {
  const names = new Set<string>()
  const mistakes = entries.flatMap((entry) => {
    const twice = names.has(entry.name) ? ['another entry has this name'] : []
    names.add(entry.name)
    return [...twice, ...misfits(entry)].map((words) => `${entry.name}: ${words}`)
  })
  if (entries.length === 0) mistakes.push('no wrong version has this name or layer')
  for (const words of mistakes) process.stdout.write(`${words}\n`)
  if (mistakes.length > 0) process.exit(1)
  process.stdout.write(`${entries.length} wrong versions fit the source\n`)
}

function misfits(entry: Entry): string[] {
  try {
    source.change(entry)
    return []
  } catch (error) {
    return [(error as Error).message]
  }
}

async function runAll(folder: string): Promise<Map<Entry, Verdict>> {
  const tests = [...new Set(entries.map(({ caughtBy }) => caughtBy))]
  const left: (Entry | string)[] = [...tests, ...entries]
  const verdicts = new Map<Entry, Verdict>()
  await Promise.all(Array.from({ length: Number(values.children) }, (_, i) => workThrough(i)))
  return verdicts

  async function workThrough(number: number): Promise<void> {
    const copy = join(folder, `${number}`)
    for (const path of COPIED) cpSync(join(ROOT, path), join(copy, path), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    for (let next = left.shift(); next; next = left.shift()) {
      if (typeof next === 'string') await control(copy, next)
      else verdicts.set(next, await judge(copy, next))
    }
  }
}

/** A test that fails anyway shows nothing. */
async function control(copy: string, test: string): Promise<void> {
  const { failed, words } = await run(copy, test)
  if (!failed) return
  process.stdout.write(`${test} fails with the source as it is: ${words}\n`)
  process.exit(1)
}

async function judge(copy: string, entry: Entry): Promise<Verdict> {
  const { file, text } = source.change(entry)
  const path = join(copy, file)
  const right = readFileSync(path, 'utf8')
  writeFileSync(path, text)
  const { failed, words, isMistake, overdue } = await run(copy, entry.caughtBy)
  writeFileSync(path, right)
  const judged = isMistake ? 'WRONG ENTRY' : failed ? 'caught' : 'MISSED'
  const verdict = overdue ? 'NO END' : judged
  const about = verdict === 'caught' ? words : `${entry.says}; ${entry.caughtBy}: ${words}`
  process.stdout.write(
    `${verdict.padEnd(11)}  ${entry.layer.padEnd(8)}  ${entry.name.padEnd(34)}  ${about}\n`,
  )
  return verdict
}

/** Runs one test in a copy: a process of its own, ended when it takes too long. */
async function run(copy: string, test: string): Promise<Run> {
  const child = spawn(process.execPath, test.split(' '), {
    cwd: copy,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, TAP_TIMEOUT: String(TEST_MS_MAX / 1000) },
  })
  let said = ''
  child.stdout.on('data', (text: Buffer) => (said += text.toString()))
  child.stderr.on('data', (text: Buffer) => (said += text.toString()))
  let overdue = false
  const timer = setTimeout(() => {
    overdue = true
    // With whatever it has started.
    process.kill(-(child.pid as number), 'SIGKILL')
  }, OVERDUE_MS)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  const first = said.split('\n').find((line) => /not ok|Violation|Error/.test(line)) ?? ''
  const words = overdue ? 'it does not end' : first.trim().slice(0, 100)
  return { failed: code !== 0, words, isMistake: /ReferenceError/.test(said), overdue }
}

function tell(verdicts: Map<Entry, Verdict>): void {
  const count = (layer: string | null, verdict: Verdict): number =>
    [...verdicts].filter(([entry, is]) => (layer ?? entry.layer) === entry.layer && is === verdict)
      .length
  process.stdout.write('\nlayer      caught  missed  wrong entries  no end\n')
  for (const layer of [...new Set(entries.map((entry) => entry.layer)), null]) {
    const [caught, missed, wrong, noEnd] = VERDICTS.map((verdict) =>
      String(count(layer, verdict)),
    ) as [string, string, string, string]
    const row = `${(layer ?? 'all').padEnd(9)}  ${caught.padStart(6)}  ${missed.padStart(6)}`
    process.stdout.write(`${row}  ${wrong.padStart(13)}  ${noEnd.padStart(6)}\n`)
  }
  process.exitCode = count(null, 'caught') === verdicts.size ? 0 : 1
}
