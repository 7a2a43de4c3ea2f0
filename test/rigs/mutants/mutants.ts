// `npm run mutants [-- --file PATH,... --sample N --seed S --changed REF --floor PERCENT --minutes N]`:
// which small changes to the source does no unit test notice?
//
// Every change of operators.ts is made, one at a time, and the unit tests of the file's room that reach it
// run until one fails (killed). What passes all of them survives: a rule without a test, dead code, or a
// change that makes no difference (equivalent.ts). Nothing is written: module hooks hand the changed source
// to the tests, many runs in one process (child.ts).
//
// Prints the score per file and each survivor. Fails below `--floor`, when a test fails with the source as it
// is, and when an entry of equivalent.ts fits nothing.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createRandom } from '../../../shared/data/random.ts'
import { EQUIVALENT } from './equivalent.ts'
import { mutantsOf } from './mutant.ts'
import { report } from './report.ts'
import { judge } from './run.ts'
import { UNITS, unitOf } from './units.ts'

const ROOT = join(import.meta.dirname, '../../..')

const { values } = parseArgs({
  options: {
    file: { type: 'string' },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    changed: { type: 'string' },
    floor: { type: 'string', default: '0' },
    minutes: { type: 'string', default: '600' },
    children: { type: 'string', default: '2' },
  },
})

const isWanted = wanted()
const files = UNITS.flatMap(({ files }) => files(ROOT)).filter(isWanted)
const { mutants, stale } = mutantsOf(ROOT, files, EQUIVALENT)
for (const { in: within, code } of stale) {
  process.stdout.write(`equivalent.ts: ${code} in ${within} fits no mutation\n`)
}
const chosen = values.sample === undefined ? mutants : sample(Number(values.sample))
let done = 0
const judged = await judge({
  root: ROOT,
  mutants: chosen,
  testsOf: (file) => unitOf(ROOT, file).tests(ROOT),
  children: Number(values.children),
  msMax: Number(values.minutes) * 60_000,
  onVerdict: () => {
    done++
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${chosen.length}`)
  },
})
if (judged.length < chosen.length) {
  process.stdout.write(`${judged.length} of ${chosen.length} mutants were judged in time\n`)
}
const score = report(judged, (line) => process.stdout.write(`${line}\n`))
if (stale.length > 0 || score < Number(values.floor)) process.exitCode = 1

function sample(count: number) {
  return createRandom(Number(values.seed))
    .shuffle([...mutants])
    .slice(0, count)
}

/** Which files are meant: those that a path or folder names, or that differ from a commit. */
function wanted(): (file: string) => boolean {
  const named = values.file?.split(',')
  const changed =
    values.changed === undefined
      ? undefined
      : execFileSync('git', ['diff', '--name-only', values.changed], {
          cwd: ROOT,
          encoding: 'utf8',
        })
          .trim()
          .split('\n')
  return (file) =>
    (named?.some((path) => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`)) ??
      true) &&
    (changed?.includes(file) ?? true)
}
