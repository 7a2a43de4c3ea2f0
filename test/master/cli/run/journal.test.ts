import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openJournal } from '../../../../master/cli/run/journal.ts'
import type { Ended } from '../../../../master/cli/run/outcome.ts'

const of = { name: 'mine', command: 'x', again: false }
const HASH = 'a1b2c3d4e5f6'
const ended = (n: number, more: Partial<Ended> = {}): Ended => ({
  n,
  input: HASH,
  label: `${n}`,
  task: `task-${n}`,
  slave: 'slave-1',
  exit: 0,
  stdout: `out ${n}\u2028\n`,
  stderr: '',
  ...more,
})
const pathIn = (t: { testdir(): string }): string => join(t.testdir(), 'runs', 'mine.jsonl')

t.test('knows after a start what was recorded, and keeps what is not printed', async (t) => {
  const path = pathIn(t)
  const first = await openJournal(path, of)
  await first.record(ended(1), true)
  await first.record(ended(3, { exit: 7 }), false)
  await first.close({ remove: false })

  const second = await openJournal(path, of)
  t.equal(second.nonce, first.nonce)
  t.same(
    [1, 2, 3].map((n) => second.has(n, HASH)),
    [true, false, true],
  )
  t.equal(second.has(1, 'ffffffff'), false, 'another input stands there now')
  t.same([second.isUnprinted(1), second.isUnprinted(3), second.printed], [false, true, 1])
  t.same(await second.read(3), ended(3, { exit: 7 }))
  t.same(second.tally, { succeeded: 1, failed: 1, exit: 7 })
  second.notePrinted(3)
  await second.close({ remove: false })
  const third = await openJournal(path, of)
  t.same([third.isUnprinted(3), third.printed], [false, 3])
  await third.close({ remove: true })
  t.notOk(existsSync(path))
  t.notOk(existsSync(`${path}.lock`))
})

t.test('does not keep the text of what is printed', async (t) => {
  const path = pathIn(t)
  const journal = await openJournal(path, of)
  await journal.record(ended(1), true)
  await journal.close({ remove: false })
  t.notMatch(readFileSync(path, 'utf8'), 'out 1')
})

t.test('removes a line that a crash cut off, and goes on after the last whole one', async (t) => {
  const path = pathIn(t)
  const first = await openJournal(path, of)
  await first.record(ended(1), true)
  await first.close({ remove: false })
  appendFileSync(path, '{"n":2,"input":"a1b2')
  const second = await openJournal(path, of)
  t.same([second.has(1, HASH), second.has(2, HASH)], [true, false])
  await second.record(ended(2), true)
  await second.close({ remove: false })
  const third = await openJournal(path, of)
  t.equal(third.has(2, HASH), true)
  await third.close({ remove: false })
})

t.test('refuses what it cannot continue, and says what to do', async (t) => {
  const path = pathIn(t)
  const first = await openJournal(path, of)
  const refused = (message: RegExp) => ({ name: 'UsageError', message })
  writeFileSync(`${path}.lock`, `${process.ppid}\n`)
  const other = openJournal(path, of)
  await t.rejects(other, refused(/^run mine is under way in process \d+: use another --run/))
  await first.close({ remove: false })
  await t.rejects(openJournal(path, { ...of, command: 'y' }), refused(/is of another command, x/))
  writeFileSync(path, '{"askfirst":"run","format":2}\n')
  await t.rejects(openJournal(path, of), refused(/is not the progress of a run in format 1/))
  writeFileSync(path, 'hello\n')
  await t.rejects(openJournal(path, of), refused(/is damaged at byte 0/))
  t.notOk(existsSync(`${path}.lock`))
  const again = await openJournal(path, { ...of, again: true })
  t.equal(again.has(1, HASH), false)
  await again.close({ remove: false })
})

t.test('takes over the lock of a process that has ended', async (t) => {
  const path = pathIn(t)
  await (await openJournal(path, of)).close({ remove: false })
  writeFileSync(`${path}.lock`, '4194304000\n')
  const journal = await openJournal(path, of)
  t.equal(readFileSync(`${path}.lock`, 'utf8'), `${process.pid}\n`)
  await journal.close({ remove: false })
})
