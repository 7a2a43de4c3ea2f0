// `npm test`: runs all unit tests, in four processes of test/one-process.ts.
//
// Not with the `tap` command: it loads module hooks and source maps of its own into each process and thread
// that a test starts, which took 40 of 140 s of processor time.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Reporter from './reporter.ts'

/** The test files of each process but the last, which has those that no other has. */
const GROUPS = [
  // They speak HTTP with a master or a server in their process, so they wait more than they compute.
  ['test/e2e/**/*.test.ts', 'test/docs/**/*.test.ts', 'test/shared/http/**/*.test.ts'],
  ['test/shared/kinds/**/*.test.ts'],
  ['test/master/**/*.test.ts'],
]
const REST = ['test/**/*.test.ts', ...GROUPS.flat().map((pattern) => `!${pattern}`)]

const ROOT = fileURLToPath(new URL('../', import.meta.url))
/** For the tests of one process. */
const SECONDS_MAX = '600'
/** What ends the TAP of a process: `# { total: 9, pass: 8, fail: 1 }` and `# time=12ms`. */
const COUNTS = /^# \{ (total: .*) \}$/
const TIME = /^# time=/

const counts = new Map([
  ['total', 0],
  ['pass', 0],
])
const began = performance.now()
await Promise.all([...GROUPS, REST].map(run))
const shown = [...counts].map(([name, count]) => `${name}: ${count}`)
print(`# { ${shown.join(', ')} }`)
print(`# time=${Math.round(performance.now() - began)}ms`)

async function run(patterns: string[]): Promise<void> {
  const args = ['--no-warnings', '--import=./test/compile-cache.ts', 'test/one-process.ts']
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: SECONDS_MAX, TESTS: patterns.join(' ') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  let isCounted = false
  for await (const line of createInterface({ input: child.stdout.pipe(new Reporter()) })) {
    const found = COUNTS.exec(line)?.[1]
    if (found !== undefined) {
      isCounted = true
      for (const each of found.split(', ')) add(...(each.split(': ') as [string, string]))
    } else if (!TIME.test(line)) print(line)
  }
  const [code, signal] = await closed
  if (code === 0 && isCounted) return
  process.exitCode = 1
  if (isCounted) return
  print(`not ok ${patterns[0] ?? ''} ...: its process ended with ${String(code ?? signal)}`)
  add('total', '1')
  add('fail', '1')
}

function add(name: string, count: string): void {
  counts.set(name, (counts.get(name) ?? 0) + Number(count))
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
