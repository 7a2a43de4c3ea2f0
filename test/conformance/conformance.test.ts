// The conformance kit on the slaves that we have, and on one wrong slave for each rule. They are
// tried side by side: most of the time they wait.

import t from 'tap'
import { findPython } from '../python.ts'
import type { KitOptions, Verdict } from './kit.ts'
import { runKit } from './kit.ts'
import { RULES } from './rules.ts'
import type { Finding } from './self-test.ts'
import { compact, quick, tryWrongSlaves } from './self-test.ts'

const SHORT: Omit<KitOptions, 'command'> = {
  ...quick,
  heartbeatMs: 1000,
  awayMs: 8_000,
  patienceMs: 30_000,
  jobs: 3,
}
const TOLD = '--master {master} --name {name} --port {port} --data {data} --slots 2'

/** What is not as it should be, with what was expected and seen. */
const complaints = (verdicts: Verdict[]): string[] =>
  verdicts.filter(({ is }) => is === 'failed').map(({ rule, words }) => `${rule.name}: ${words}`)

// Measured on two cores: 43 s at a load of 13 by other programs, two minutes at 27.
t.setTimeout(300_000)

const python = findPython()
const findings = new Map<string, Finding>()

const ours = runKit({
  ...SHORT,
  command: `"${process.execPath}" slave/main.ts ${TOLD} --kinds sleep --log-level warn`,
})
const pythons = python
  ? runKit({ ...SHORT, command: `${python} slave/python/slave.py ${TOLD}` })
  : Promise.resolve([])
const compacts = runKit({ ...quick, command: compact() })
const wrongs = tryWrongSlaves({
  rules: 'of its group',
  kits: 5,
  onFinding: (finding) => findings.set(finding.wrong, finding),
})

t.test('our slave keeps every rule', async (t) => {
  const verdicts = await ours
  t.same(complaints(verdicts), [])
  const notTried = verdicts.filter(({ is }) => is === 'not tried')
  t.ok(notTried.every(({ words }) => words.includes('image-filter.grayscale')))
})

const skip = python ? false : 'python3 (3.11 or later) with Pillow is not installed'
t.test('the slave in Python keeps every rule', { skip }, async (t) => {
  const verdicts = await pythons
  t.same(complaints(verdicts), [])
  t.same(
    verdicts.filter(({ is }) => is !== 'passed').map(({ rule }) => rule.name),
    [],
    'and every rule was tried',
  )
})

t.test('the compact slave keeps every rule', async (t) => {
  const verdicts = await compacts
  t.same(complaints(verdicts), [])
  t.equal(verdicts.filter(({ is }) => is === 'passed').length, RULES.length)
})

t.test('a slave that breaks a rule is found out, and blamed for nothing else', async (t) => {
  await wrongs
  for (const { name } of RULES) {
    const { found = [], verdicts = [] } = findings.get(name) ?? {}
    t.same(found, [name], complaints(verdicts).join('; '))
  }
})
