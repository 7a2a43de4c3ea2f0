// Runs after `npm run test:system`: says in one line which programs are not installed, so that the tests that
// need them were skipped. .ci/run installs them all (Debian's names are in its PACKAGES).

import { spawnSync } from 'node:child_process'
import { findPython } from '../deploy/local/python.ts'
import { skipFaketime } from './e2e/faketime.ts'
import { skipPromtool } from './promtool.ts'

const isThere = (command: string): boolean =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined

const PROGRAMS = [
  'cloud-init',
  'curl',
  'openssl',
  'perl',
  'script',
  'shellcheck',
  'systemd-analyze',
]

const missing = [
  ...PROGRAMS.filter((name) => !isThere(name)),
  ...(findPython() ? [] : ['python3 (3.11 or later) with Pillow']),
  ...(skipFaketime ? ['faketime'] : []),
  ...(skipPromtool ? ['promtool'] : []),
]
if (missing.length > 0) {
  process.stdout.write(`not installed, so their tests were skipped: ${missing.join(', ')}\n`)
}
