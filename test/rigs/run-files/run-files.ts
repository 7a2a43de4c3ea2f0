// `askfirst run` for real: npm run run-files -- [--short] [--files N]
//
//   a day's work   files are converted by flac on four slaves. Two of them lack the program. The run is stopped
//                  by Ctrl-C and continued, and a slave is killed in the middle. All results are those of the
//                  program run directly, in order; nothing is recorded twice; only attempts that were lost with
//                  the killed slave run again
//   beside it      GNU parallel on the same machine: `true`, and tasks of a second
//
// Needs Debian's packages flac and parallel; without them it says so and shows nothing.

import { execFileSync, spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { table } from '../load/figures.ts'
import { convert } from './convert.ts'
import { beside } from './parallel.ts'

const { values: given } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    files: { type: 'string' },
  },
})
const files = Number(given.files ?? (given.short ? 24 : 200))

const missing = ['flac', 'parallel'].filter(
  (program) => spawnSync('which', [program], { stdio: 'ignore' }).status !== 0,
)
if (missing.length > 0) {
  process.stdout.write(`skipped: apt-get install ${missing.join(' ')}\n`)
} else process.exitCode = (await run()) ? 0 : 1

async function run(): Promise<boolean> {
  const version = execFileSync('flac', ['--version'], { encoding: 'utf8' }).trim()
  const day = await convert(files)
  process.stdout.write(`${table(`${files} files through ${version}`, day)}\n`)
  const speed = await beside(given.short)
  process.stdout.write(`${table('beside GNU parallel, two slots', speed)}\n`)
  const bounds = [...day, ...speed].filter(({ holds }) => holds !== null)
  const broken = bounds.filter(({ holds }) => !holds)
  const held = bounds.length - broken.length
  process.stdout.write(`run-files: ${held} of ${bounds.length} bounds hold\n`)
  return broken.length === 0
}
