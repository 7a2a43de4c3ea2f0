// The mutation tester on a small tree whose mutants are known.

import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mutantsOf } from './mutant.ts'
import { report } from './report.ts'
import { judge } from './run.ts'

const SOURCE = `
import { step } from './step.ts'
export function up(from: number, to: number): number {
  let sum = 0
  for (let i = from; i < to; i = step(i)) sum += i
  return sum
}
export function unused(a: boolean): string {
  return a ? 'yes' : 'no'
}
export async function held(open: boolean): Promise<void> {
  if (!open) await new Promise(() => {})
}
export function late(fails: boolean): void {
  if (fails) setImmediate(() => { throw new Error('late') })
}
`
const STEP = 'export const step = (i: number): number => i + 1\n'
const TEST = `
import t from 'tap'
import { held, late, up } from '../../shared/up.ts'
t.test('counts', async (t) => {
  t.equal(up(1, 3), 3)
})
t.test('does not wait', async () => {
  await held(true)
  late(false)
})
`

t.test('finds out which mutants are killed, survive, or are not reached', async (t) => {
  const root = t.testdir({
    'package.json': '{"type": "module"}',
    shared: { 'up.ts': SOURCE, 'step.ts': STEP },
    test: { shared: { 'up.test.ts': TEST } },
  })
  symlinkSync(join(import.meta.dirname, '../../../node_modules'), join(root, 'node_modules'))
  const { mutants } = mutantsOf(root, ['shared/up.ts', 'shared/step.ts'], [])
  const testsOf = () => ['test/shared/up.test.ts']
  const judged = await judge({ root, mutants, testsOf, children: 2, msMax: 600_000 })
  const verdictOf = (code: string, replacement: string): string | undefined =>
    judged.find(
      ({ mutant }) => mutant.code === code && mutant.mutation.replacement.trim() === replacement,
    )?.verdict
  t.equal(judged.length, mutants.length)
  t.equal(verdictOf('i < to', 'i <= to'), 'killed')
  t.equal(verdictOf('i < to', 'i >= to'), 'killed')
  t.equal(verdictOf('i + 1', 'i - 1'), 'overdue', 'a loop without an end')
  t.equal(verdictOf("'yes'", "''"), 'unreached')
  t.equal(verdictOf('!open', 'open'), 'killed', 'nothing is left to wait for')
  t.equal(verdictOf('!open', 'false'), 'survived')
  t.equal(verdictOf('fails', 'true'), 'killed', 'an error that no test waits for')
  t.equal(verdictOf('fails', 'false'), 'survived')

  const lines: string[] = []
  const score = report(judged, (line) => lines.push(line))
  const good = judged.filter(({ verdict }) => verdict === 'killed' || verdict === 'overdue')
  t.equal(score, (100 * good.length) / judged.length)
  t.match(lines.join('\n'), /up\.ts:12 {2}up\.held {2}!open → false\n/)
  t.match(lines.join('\n'), /'yes' → '' {2}\(no test reaches it\)/)
})

t.test('refuses to judge by a test that fails with the source as it is', async (t) => {
  const root = t.testdir({
    'package.json': '{"type": "module"}',
    shared: { 'a.ts': 'export const a = [1]\n' },
    test: { 'a.test.ts': "import t from 'tap'\nt.test('fails', async (t) => t.fail('words'))\n" },
  })
  symlinkSync(join(import.meta.dirname, '../../../node_modules'), join(root, 'node_modules'))
  const { mutants } = mutantsOf(root, ['shared/a.ts'], [])
  const judging = judge({
    root,
    mutants,
    testsOf: () => ['test/a.test.ts'],
    children: 1,
    msMax: 600_000,
  })
  await t.rejects(judging, /test\/a\.test\.ts fails with the source as it is: fails: words/)
})
