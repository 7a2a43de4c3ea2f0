// What the reporter of `npm test` shows of a run, and what it leaves out.

import t from 'tap'
import Reporter from './reporter.ts'

/** What it writes for this TAP, however the text is cut. */
async function shown(tap: string): Promise<string[]> {
  const reporter = new Reporter()
  for (let from = 0; from < tap.length; from += 7) reporter.write(tap.slice(from, from + 7))
  reporter.end()
  const pieces = (await reporter.toArray()) as Buffer[]
  return Buffer.concat(pieces).toString().split('\n').slice(0, -1)
}

t.test('shows a line for each file that passes, and the counts', async (t) => {
  const lines = await shown(`TAP version 14
# Subtest: test/unit-all.ts
    # Subtest: test/a.test.ts
        # Subtest: adds
            ok 1 - one and one
            1..1
        ok 1 - adds # time=3ms
        1..1
    ok 1 - test/a.test.ts # time=5.1ms
    1..1
ok 1 - test/unit-all.ts # time=9ms
1..1
# { total: 1, pass: 1 }
# time=10ms
`)
  t.same(lines, ['ok test/a.test.ts 5.1ms', '# { total: 1, pass: 1 }', '# time=10ms'])
})

t.test('shows a failure with its path and its details, once', async (t) => {
  const lines = await shown(`# Subtest: test/a.test.ts
    # Subtest: adds
        ok 1 - one and one
        not ok 2 - two and two
          ---
          diff: |
            -5
            +4
          ...
        1..2
        # failed 1 of 2 tests
    not ok 1 - adds # time=3ms
      ---
      at: test/a.test.ts
      ...
    1..1
not ok 1 - test/a.test.ts # time=5.1ms
  ---
  exitCode: 1
  ...
`)
  t.same(lines, [
    'not ok test/a.test.ts > adds > two and two',
    '          ---',
    '          diff: |',
    '            -5',
    '            +4',
    '          ...',
    'not ok test/a.test.ts > adds',
    'not ok test/a.test.ts',
    '  ---',
    '  exitCode: 1',
    '  ...',
  ])
})

t.test(
  'shows the details of a subtest that fails although each of its points passes',
  async (t) => {
    const lines = await shown(`# Subtest: test/a.test.ts
    # Subtest: waits
        ok 1 - begins
    not ok 1 - waits # time=30000ms
      ---
      expired: true
      ...
`)
    t.same(lines.slice(0, 2), ['not ok test/a.test.ts > waits', '      ---'])
  },
)

t.test('shows what is skipped or still to do, with the reason', async (t) => {
  const lines = await shown(`# Subtest: test/a.test.ts
    ok 1 - in Python # SKIP python3 is not installed
    not ok 2 - some day # TODO later
    ok 3 - works
`)
  t.same(lines, [
    'skip test/a.test.ts > in Python: python3 is not installed',
    'todo test/a.test.ts > some day: later',
  ])
})

t.test('shows that a run was given up', async (t) => {
  t.same(await shown('Bail out! no more\n'), ['Bail out! no more'])
})
