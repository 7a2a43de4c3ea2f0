// The one interpreter of trails: what each event means, its sentence, and the attempts of a task.

import { test } from 'tap'
import { createCheck } from '../../../shared/http/validate.ts'
import { TrailEntry } from '../../../shared/protocol/api/tasks.ts'
import type { Entry } from '../../../shared/protocol/trail.js'
import { attemptsOf, linesOf, meaningOf, TRAIL_EVENTS } from '../../../shared/protocol/trail.js'

const at = '2026-11-21T07:00:00.000Z'

/** As the command line joins them. */
const read = (trail: Entry[]): string[] =>
  linesOf(trail).map(({ pieces }) =>
    pieces
      .map((piece) => (typeof piece === 'string' ? piece : Object.values(piece).join('')))
      .join(''),
  )

test('tells a trail in sentences', async (t) => {
  const trail: Entry[] = [
    { at, event: 'busy', slave: 'a', reason: 'running 1 of 1', knownMs: 1500 },
    { at, event: 'no answer', slave: 'b', reason: 'response timeout', ms: 500 },
    { at, event: 'taken', slave: 'c', ms: 4 },
    { at, event: 'silence', slave: 'c', reason: 'silent for 10000 ms' },
    { at, event: 'slave-lost', slave: 'c', reason: 'its lease expired' },
    { at, event: 'retry', reason: 'after try 1' },
    { at, event: 'busy', reason: 'and 9 more slaves' },
    { at, event: 'draining', slave: 'a', reason: 'SIGTERM', ms: 2 },
    { at, event: 'found', slave: 'c', reason: 'it holds the attempt' },
    { at, event: 'time-limit', slave: 'c', reason: 'ran longer than 10 ms' },
    { at, event: 'not arrived', slave: 'd', reason: 'the response to its poll was lost' },
    { at, event: 'omitted', reason: '12 entries' },
    { at, event: 'clock set', reason: 'by 60 s' },
    { at, event: 'done', slave: 'c' },
    { at, event: 'of-a-newer-version', slave: 'c', reason: 'why' },
  ]
  t.same(read(trail), [
    'skipped 1st: a, not available: running 1 of 1 (answer reused, 1500 old)',
    'asked 2nd: b, no answer: response timeout',
    'asked 3rd: c, available, answered in 4; it has the task',
    'c was silent for 10000 ms',
    'c was lost: its lease expired',
    'tried again after a pause (after try 1)',
    'and 9 more slaves',
    'asked 1st: a, not available: SIGTERM, answered in 2',
    'c holds the attempt',
    'c: time-limit: ran longer than 10 ms',
    'lost on its way to d: the response to its poll was lost',
    '(12 entries left out)',
    "the master's wall clock jumped by 60 s",
    'done, c',
    'of-a-newer-version, c: why',
  ])
  t.same(
    linesOf(trail.slice(0, 6)).map(({ tone }) => tone),
    ['no', 'bad', 'yes', 'plain', 'bad', 'plain'],
  )
})

test('finds the attempts in a trail, which answers and notes do not end', async (t) => {
  const entry = (event: string, slave?: string) => ({ event, ...(slave ? { slave } : {}) })
  const attempts = attemptsOf([
    entry('taken', 'a'),
    entry('silence', 'a'),
    entry('old failure', 'x'),
    entry('slave-lost', 'a'),
    entry('retry'),
    entry('busy', 'b'),
    entry('taken', 'c'),
    entry('taken', 'd'),
  ])
  t.same(
    attempts.map(({ taken, ended }) => [taken.slave, ended?.event ?? null]),
    [
      ['a', 'slave-lost'],
      ['c', 'taken'],
      ['d', null],
    ],
  )
})

test('knows no meaning of an event of a newer version, or of a name that every object has', async (t) => {
  t.equal(meaningOf('of-a-newer-version'), null)
  t.equal(meaningOf('constructor'), null)
})

test('the schema of an entry takes every event of the list, and no other', async (t) => {
  const { fits } = createCheck(TrailEntry)
  const events = Object.keys(TRAIL_EVENTS)
  t.same(
    events.filter((event) => !fits({ at, event, slave: 'a', ms: 1 })),
    [],
  )
  for (const event of ['of-a-newer-version', 'constructor', '']) t.notOk(fits({ at, event }), event)
})
