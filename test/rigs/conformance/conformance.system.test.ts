// The conformance kit on the slaves that we have, and on one wrong slave for each rule. They are
// tried side by side: most of the time they wait.

import t from 'tap'
import { findPython } from '../../python.ts'
import type { KitOptions, Verdict } from './kit.ts'
import { runKit } from './kit.ts'
import { RULES } from './rules.ts'
import type { Finding } from './self-test.ts'
import { compact, isFor, PULL_RULES, quick, tryWrongSlaves } from './self-test.ts'

const SHORT: Omit<KitOptions, 'command'> = {
  ...quick,
  heartbeatMs: 1000,
  awayMs: 8_000,
  patienceMs: 30_000,
  jobs: 3,
}
const user = process.getuid?.() === 0 ? ' --commands-user nobody' : ''
const TOLD = `--master {master} --name {name} --port {port} --data {data} --slots 2 --commands sh${user}`

/** What is not as it should be, with what was expected and seen. */
const complaints = (verdicts: Verdict[]): string[] =>
  verdicts.filter(({ is }) => is === 'failed').map(({ rule, words }) => `${rule.name}: ${words}`)

// Measured on two cores: 43 s at a load of 13 by other programs, two minutes at 27.
t.setTimeout(600_000)

const python = findPython()
const findings = new Map<string, Finding>()

const ours = runKit({
  ...SHORT,
  command: `"${process.execPath}" slave/main.ts ${TOLD} --kinds sleep --log-level warn`,
})
const pythons = python
  ? runKit({ ...SHORT, command: `${python} slave/python/slave.py ${TOLD}` })
  : Promise.resolve([])
const ourPulls = runKit({
  ...SHORT,
  pull: true,
  command: `"${process.execPath}" slave/main.ts --pull ${TOLD} --kinds sleep --log-level warn`,
})
const compacts = [false, true].map((pull) => {
  return { pull, verdicts: runKit({ ...quick, pull, command: compact('', pull) }) }
})
const wrongs = tryWrongSlaves({
  rules: 'of its group',
  kits: 5,
  onFinding: (finding) => findings.set(`${finding.wrong} ${finding.pull}`, finding),
})

for (const pull of [false, true]) {
  t.test(`our slave keeps every rule${pull ? ', when it pulls' : ''}`, async (t) => {
    const verdicts = await (pull ? ourPulls : ours)
    t.same(complaints(verdicts), [])
    const notTried = verdicts.filter(({ rule, is }) => is === 'not tried' && isFor(rule, pull))
    t.ok(notTried.every(({ words }) => words.includes('image-filter.grayscale')))
  })
}

const skip = python ? false : 'python3 (3.11 or later) with Pillow is not installed'
t.test('the slave in Python keeps every rule', { skip }, async (t) => {
  const verdicts = await pythons
  t.same(complaints(verdicts), [])
  t.same(
    verdicts
      .filter(({ rule, is }) => is !== 'passed' && isFor(rule, false))
      .map(({ rule }) => rule.name),
    [],
    'and every rule was tried',
  )
})

t.test('the compact slave keeps every rule', async (t) => {
  for (const { pull, verdicts } of compacts) {
    t.same(complaints(await verdicts), [])
    const passed = (await verdicts).filter(({ is }) => is === 'passed').map(({ rule }) => rule.name)
    const wanted = RULES.filter((rule) => isFor(rule, pull)).map(({ name }) => name)
    t.same(passed, wanted, pull ? 'when it pulls' : 'when it is asked')
  }
})

t.test('a slave that breaks a rule is found out, and blamed for nothing else', async (t) => {
  await wrongs
  const tried = (name: string, pull: boolean): void => {
    const { found = [], verdicts = [] } = findings.get(`${name} ${pull}`) ?? {}
    t.same(
      found,
      [name],
      `${name}, ${pull ? 'pulls' : 'is asked'}: ${complaints(verdicts).join('; ')}`,
    )
  }
  for (const rule of RULES) if (isFor(rule, false)) tried(rule.name, false)
  for (const name of PULL_RULES) tried(name, true)
})
