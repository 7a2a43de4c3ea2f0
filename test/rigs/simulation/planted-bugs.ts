// `npm run planted-bugs [-- --only NAME,...] [--seeds N] [--from S] [--check]`: is the simulator sharp? Each
// planted bug goes into a copy of the tree, and simulated worlds run there until one of them breaks. A
// bug that breaks none is either harmless, and its entry says why, or the simulator must become sharper.
//
// Fails when a bug is missed, when a harmless one is caught (its entry is wrong), when a bug does not
// fit the source exactly once (../source/change.ts), or when the source without a bug breaks.
// `--check` only looks whether the bugs fit.

import { fork } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { exitOnSignals } from '../cluster/scope.ts'
import { readSource } from '../source/change.ts'
import { ASKING_BUGS } from './planted/asking.ts'
import type { Bug } from './planted/bug.ts'
import type { Report } from './planted/child.ts'
import { HOLDING_BUGS } from './planted/holding.ts'
import { KNOWING } from './planted/knowing.ts'
import { NEEDING_BUGS } from './planted/needing.ts'
import { PULLING_BUGS } from './planted/pulling.ts'
import { SAYING } from './planted/saying.ts'
import { SLAVE } from './planted/slave.ts'

const ROOT = join(import.meta.dirname, '../../..')
const COPIED = ['package.json', 'master', 'slave', 'shared', 'test/rigs/simulation']
const CHILDREN = 2
/** One world takes some 50 ms; one that takes this long does not end. */
const WORLD_MS_MAX = 180_000
const HEAP_MEGABYTES = 512
/** A bug that makes these is not a bug but a mistake in its entry. */
const MISTAKES = ['SyntaxError', 'ReferenceError']

/** The source as it is: what the worlds must not break. */
const CONTROL: Bug = {
  name: '(none)',
  says: 'the source as it is',
  in: '',
  find: '',
  replace: '',
  harmless: 'it is right',
}

type Found = { bug: Bug; seed: number | null; held: number; words: string; mistake: boolean }

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seeds: { type: 'string', default: '3000' },
    from: { type: 'string', default: '1' },
    check: { type: 'boolean', default: false },
  },
})
const seeds = Number(values.seeds)
const all = [
  CONTROL,
  ...SAYING,
  ...ASKING_BUGS,
  ...HOLDING_BUGS,
  ...KNOWING,
  ...SLAVE,
  ...PULLING_BUGS,
  ...NEEDING_BUGS,
]
const only = values.only?.split(',')
const chosen = all.filter(({ name }) => only?.some((part) => name.includes(part)) ?? true)
const folder = mkdtempSync(join(tmpdir(), 'askfirst-planted-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
exitOnSignals()

const original = join(folder, 'original')
for (const path of COPIED) cpSync(join(ROOT, path), join(original, path), { recursive: true })
const source = readSource(original)
const misplaced = chosen.filter((bug) => bug !== CONTROL && !fits(bug))
if (chosen.length === 0) process.stdout.write(`no bug is named "${values.only}"\n`)
if (misplaced.length > 0 || chosen.length === 0) process.exit(1)
if (values.check) {
  process.stdout.write(`${chosen.length} planted bugs fit the source\n`)
  process.exit(0)
}

const found: Found[] = []
const left = [...chosen]
await Promise.all(Array.from({ length: CHILDREN }, workThrough))
tell()

async function workThrough(): Promise<void> {
  for (let bug = left.shift(); bug; bug = left.shift()) {
    const result = await run(bug)
    found.push(result)
    process.stdout.write(`${line(result)}\n`)
  }
}

function fits(bug: Bug): boolean {
  try {
    source.change(bug)
    return true
  } catch (error) {
    process.stdout.write(`${bug.name}: ${(error as Error).message}\n`)
    return false
  }
}

/** Runs worlds in a copy that has the bug, until one breaks or all seeds have held. */
async function run(bug: Bug): Promise<Found> {
  const copy = join(folder, bug.name)
  cpSync(original, copy, { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  if (bug !== CONTROL) {
    const { file, text } = source.change(bug)
    writeFileSync(join(copy, file), text)
  }
  const result = await runChild(bug, join(copy, 'test/rigs/simulation/planted/child.ts'))
  rmSync(copy, { recursive: true, force: true })
  return result
}

function runChild(bug: Bug, file: string): Promise<Found> {
  const worlds = [seeds, ...(bug.shownBy ?? [])]
  const child = fork(file, [values.from, ...worlds.map(String)], {
    execArgv: [`--max-old-space-size=${HEAP_MEGABYTES}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let held = 0
  let broken: Found | undefined
  let errors = ''
  let overdue = false
  let timer = setTimeout(stop, WORLD_MS_MAX)
  child.stderr?.on('data', (text: Buffer) => {
    errors += text.toString()
  })
  child.on('message', (report: Report) => {
    clearTimeout(timer)
    timer = setTimeout(stop, WORLD_MS_MAX)
    const { seed } = report
    if (report.is === 'held') held++
    else {
      const { words, kind } = report
      broken = { bug, seed, held, words, mistake: MISTAKES.includes(kind) }
    }
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => {
      clearTimeout(timer)
      if (broken) return resolve(broken)
      if (code === 0) return resolve({ bug, seed: null, held, words: '', mistake: false })
      const first = errors.split('\n').find((text) => /Error|FATAL/.test(text)) ?? 'the child ended'
      const words = overdue ? `no end within ${WORLD_MS_MAX} ms` : first
      const mistake = MISTAKES.some((kind) => errors.includes(kind))
      resolve({ bug, seed: held + 1, held, words, mistake })
    })
  })

  function stop(): void {
    overdue = true
    child.kill('SIGKILL')
  }
}

function verdictOf({
  bug,
  seed,
  mistake,
}: Found): 'caught' | 'harmless' | 'MISSED' | 'WRONG ENTRY' {
  if (mistake || (seed !== null && bug.harmless !== undefined)) return 'WRONG ENTRY'
  if (seed !== null) return 'caught'
  return bug.harmless === undefined ? 'MISSED' : 'harmless'
}

function line(result: Found): string {
  const { bug, seed, words, held } = result
  const verdict = verdictOf(result)
  const what = seed === null ? `${held} worlds hold` : `seed ${seed}: ${words}`
  const why = verdict === 'harmless' ? `; ${bug.harmless}` : ''
  return `${verdict.padEnd(11)}  ${bug.name.padEnd(28)}  ${what}${why}`
}

function tell(): void {
  const order = new Map(chosen.map((bug, i) => [bug, i]))
  found.sort((a, b) => (order.get(a.bug) ?? 0) - (order.get(b.bug) ?? 0))
  process.stdout.write('\n')
  for (const result of found) process.stdout.write(`${line(result)}\n  (${result.bug.says})\n`)
  const count = (verdict: string): number =>
    found.filter((result) => verdictOf(result) === verdict).length
  const bad = count('MISSED') + count('WRONG ENTRY')
  process.stdout.write(
    `\n${count('caught')} bugs caught, ${count('harmless')} harmless, ${count('MISSED')} missed, ` +
      `${count('WRONG ENTRY')} entries wrong; at most ${2 * seeds} worlds each\n`,
  )
  process.exitCode = bad > 0 ? 1 : 0
}
