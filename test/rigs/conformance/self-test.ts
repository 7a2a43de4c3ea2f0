// The kit itself, tried: a slave that keeps every rule must pass, and for each rule one that breaks
// it must fail at that rule and at no other.

import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Verdict } from './kit.ts'
import { runKit } from './kit.ts'
import type { Rule } from './rule.ts'
import { GROUPS, RULES } from './rules.ts'

const PROGRAM = fileURLToPath(new URL('./compact-slave.ts', import.meta.url))

/** How the kit is run on the compact slave: as quickly as can be. */
export const quick = {
  kind: 'sleep',
  input: '{"ms":{ms}}',
  badInput: '{"ms":"soon"}',
  heartbeatMs: 400,
  awayMs: 1000,
  patienceMs: 5000,
  trace: (): void => {},
  jobs: 4,
}

/** Rules that are kept in another way, or only, by slaves that pull. */
export const PULL_RULES = RULES.filter(
  ({ name, only }) =>
    only === 'pull' ||
    ['registers-again', 'same-answer', 'slots', 'revoke-first', 'drains'].includes(name),
).map(({ name }) => name)

/** The command line of the compact slave, which breaks this rule. */
export const compact = (wrong = '', pull = false): string =>
  `"${process.execPath}" "${PROGRAM}" --master {master} --name {name} --port {port}` +
  ` --data {data} --slots 2 --wrong "${wrong}"${pull ? ' --pull' : ''}`

/** Whether a rule is for slaves of this sort. */
export const isFor = ({ only }: Rule, pull: boolean): boolean =>
  only === undefined || (only === 'pull') === pull

/** Names of the rules that are broken. */
export const broken = (verdicts: Verdict[]): string[] =>
  verdicts.filter(({ is }) => is === 'failed').map(({ rule }) => rule.name)

export type Finding = {
  /** The rule that this slave breaks. */
  wrong: string
  pull: boolean
  /** The rules that the kit says are broken. */
  found: string[]
  verdicts: Verdict[]
}

/**
 * Tries a wrong slave for each rule, `kits` of them side by side: on all rules, or only on those
 * that share a process with the broken one.
 */
export async function tryWrongSlaves(given: {
  rules: 'all' | 'of its group'
  kits: number
  onFinding: (finding: Finding) => void
}): Promise<void> {
  const waiting = [
    ...RULES.filter(({ only }) => only !== 'pull').map(({ name }) => ({
      wrong: name,
      pull: false,
    })),
    ...PULL_RULES.map((name) => ({ wrong: name, pull: true })),
  ]
  async function takeRules(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { wrong, pull } = next
      const only = given.rules === 'all' ? [] : groupOf(wrong)
      const verdicts = await runKit({ ...quick, pull, command: compact(wrong, pull), only })
      given.onFinding({ wrong, pull, found: broken(verdicts), verdicts })
    }
  }
  await Promise.all(Array.from({ length: given.kits }, takeRules))
}

const groupOf = (name: string): string[] =>
  GROUPS.filter(({ rules }) => rules.some((rule) => rule.name === name))
    .flatMap(({ rules }) => rules)
    .map((rule) => rule.name)

/** Tries the kit on the right slave and on all wrong ones. Gives whether it judged all well. */
export async function selfTest(print: (line: string) => void): Promise<boolean> {
  let good = true
  const report = (what: string, exact: boolean, verdicts: Verdict[]): void => {
    good &&= exact
    print(`${what.padEnd(22)} ${exact ? 'judged well' : 'JUDGED WRONGLY'}`)
    if (exact) return
    for (const { rule, words } of verdicts) if (words) print(`    ${rule.name}: ${words}`)
  }
  for (const pull of [false, true]) {
    const verdicts = await runKit({ ...quick, pull, command: compact('', pull) })
    const right = verdicts.every(
      ({ rule, is }) => is === (isFor(rule, pull) ? 'passed' : 'not tried'),
    )
    report(pull ? 'none, pulls' : 'none', right, verdicts)
  }
  await tryWrongSlaves({
    rules: 'all',
    kits: Math.max(1, availableParallelism() / 2),
    onFinding: ({ wrong, pull, found, verdicts }) =>
      report(pull ? `${wrong}, pulls` : wrong, found.join() === wrong, verdicts),
  })
  return good
}
