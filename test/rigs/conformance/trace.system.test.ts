// `--trace` of the kit, as a newcomer uses it.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { BEFORE, COMMAND } from '../cluster/launch.ts'
import { compact } from './self-test.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))

t.test('prints every message with its time, and the verdict', async (t) => {
  const args = ['--short', '--trace', '--only', 'availability', '--command', compact()]
  const { status, stdout } = spawnSync(COMMAND, [...BEFORE, MAIN, ...args], { encoding: 'utf8' })
  t.equal(status, 0, stdout)
  t.match(stdout, /^ *\d+\.\d{3} s {2}slave -> master {2}POST \/slaves \{/m)
  t.match(stdout, /^ +9 availability +passed$/m)
})
