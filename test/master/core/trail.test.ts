// The trail of a task: its length is bounded, its reasons are data with one set of words, and trails that
// earlier versions stored are read as they are.

import t from 'tap'
import type { Reason } from '../../../master/core/reasons.ts'
import { inWords } from '../../../master/core/reasons.ts'
import type { TrailEntry } from '../../../master/core/trail.ts'
import { asked, fromStore, note, reasonOf, TRAIL_ENTRIES_MAX } from '../../../master/core/trail.ts'
import { trailJson } from '../../../master/views/task-json.ts'
import { wallTime } from '../../../shared/data/clock.ts'

const at = wallTime(0)

/** What each reason reads, so that a change of words is seen. */
const WORDS: { [Is in Reason['is']]: [Reason & { is: Is }, string] } = {
  absent: [{ is: 'absent', polls: false }, 'does not answer'],
  elsewhere: [
    { is: 'elsewhere', to: 'http://m2' },
    "reports to http://m2, not to this master: start it with --master and this master's URL",
  ],
  lacks: [
    { is: 'lacks', lack: { is: 'no need', need: { is: 'program', name: 'flac' } } },
    'does not run "flac"',
  ],
  drained: [{ is: 'drained' }, 'drained by an operator'],
  faulty: [
    { is: 'faulty', count: 2, last: 'answered 500' },
    '2 consecutive offers had no usable answer; the last: answered 500',
  ],
  declining: [
    { is: 'declining', count: 9, last: 'busy' },
    'declined 9 consecutive offers although it has free slots; the last: busy',
  ],
  'not polling': [{ is: 'not polling' }, 'is not polling'],
  full: [{ is: 'full', taken: 1, slots: 2, offered: 1 }, 'running 1 of 2, 1 being offered'],
  others: [{ is: 'others', count: 9 }, 'and 9 more slaves'],
  'not listed': [{ is: 'not listed' }, 'the slave no longer holds the attempt'],
  left: [{ is: 'left' }, 'the slave deregistered'],
  'lease over': [
    { is: 'lease over' },
    'its lease expired: the slave did not confirm that it holds the attempt',
  ],
  overdue: [
    { is: 'overdue', runLimitMs: 50, ended: true },
    'no outcome within its limit of 50 ms, although the attempt ended on the slave',
  ],
  'polls again': [
    { is: 'polls again' },
    'the slave polls again without having delivered an outcome',
  ],
  'not registered': [{ is: 'not registered' }, 'the slave is no longer registered'],
  'poll lost': [{ is: 'poll lost' }, 'the response to its poll was lost'],
  gone: [{ is: 'gone' }, 'has left'],
  'after try': [{ is: 'after try', tries: 1 }, 'after try 1'],
  failure: [{ is: 'failure', type: 'evaluation', message: 'no' }, 'evaluation: no'],
  adopted: [{ is: 'adopted' }, 'it holds the attempt'],
  silent: [
    { is: 'silent', ms: 10_000.4, asked: true },
    'silent for 10000 ms; the master probes it',
  ],
  'hung up': [{ is: 'hung up' }, 'the client disconnected before it got the id of the task'],
  'clock jumped': [{ is: 'clock jumped', byMs: -61_000 }, 'by -61 s'],
  omitted: [{ is: 'omitted', entries: 7 }, '7 entries'],
}

t.test('every reason of the master has its words', async (t) => {
  for (const [why, words] of Object.values(WORDS)) t.equal(inWords(why), words)
  t.equal(inWords({ is: 'absent', polls: true }), 'has stopped polling')
  t.equal(inWords({ is: 'others', count: 1 }), 'and 1 more slave')
  t.equal(inWords({ is: 'full', taken: 1, slots: 1, offered: 0 }), 'running 1 of 1')
  t.equal(inWords({ is: 'silent', ms: 1, asked: false }), 'silent for 1 ms')
})

t.test('words of a slave pass through unchanged', async (t) => {
  t.equal(reasonOf({ reason: 'maintenance until 6' }), 'maintenance until 6')
  t.equal(reasonOf({}), '')
})

/** As version 0.1.0 stored it. */
const STORED: TrailEntry[] = JSON.parse(`[
  {"at":0,"event":"busy","slave":"a","reason":"running 1 of 1","knownMs":12.5},
  {"at":0,"event":"no answer","slave":"b","reason":"no answer in time","ms":500.12345},
  {"at":0,"event":"busy","reason":"and 9 more slaves, by number"},
  {"at":0,"event":"taken","slave":"c","ms":0.25},
  {"at":0,"event":"slave-lost","slave":"c","attempt":"x","reason":"the slave no longer has it"},
  {"at":0,"event":"retry","reason":"after try 1"},
  {"at":0,"event":"omitted","reason":"12 entries"},
  {"at":0,"event":"failed","slave":"c","reason":"evaluation: no"}
]`)

t.test('a trail that an earlier version stored reads as it did then', async (t) => {
  const iso = '1970-01-01T00:00:00.000Z'
  const wanted = [
    { at: iso, event: 'busy', slave: 'a', reason: 'running 1 of 1', knownMs: 13 },
    { at: iso, event: 'no answer', slave: 'b', reason: 'no answer in time', ms: 500.123 },
    { at: iso, event: 'busy', reason: 'and 9 more slaves, by number' },
    { at: iso, event: 'taken', slave: 'c', ms: 0.25 },
    { at: iso, event: 'slave-lost', slave: 'c', reason: 'the slave no longer has it' },
    { at: iso, event: 'retry', reason: 'after try 1' },
    { at: iso, event: 'omitted', reason: '12 entries' },
    { at: iso, event: 'failed', slave: 'c', reason: 'evaluation: no' },
  ]
  t.strictSame(trailJson(STORED), wanted)
  t.strictSame(trailJson(fromStore(STORED)), wanted)
})

t.test('a client reads who was asked, and what each answered', async (t) => {
  const entries: TrailEntry[] = [
    { at, event: 'busy', slave: 'a', why: { is: 'not polling' }, knownMs: 1500.4 },
    { at, event: 'unreachable', slave: 'b', reason: 'refused', ms: 1.23456 },
    { at, event: 'silence', slave: 'b', why: { is: 'silent', ms: 1, asked: true } },
    { at, event: 'taken', slave: 'c', ms: 2 },
  ]
  t.strictSame(asked(entries), [
    { slave: 'a', answer: 'not available', reason: 'is not polling', knownMs: 1500 },
    { slave: 'b', answer: 'no answer', reason: 'refused', ms: 1.235 },
    { slave: 'c', answer: 'available', reason: '', ms: 2 },
  ])
})

t.test('a long trail goes on counting what an earlier version left out of it', async (t) => {
  const trail = fromStore([
    ...Array.from({ length: 24 }, (): TrailEntry => ({ at, event: 'taken', slave: 'a' })),
    { at, event: 'omitted', reason: '12 entries' },
    ...Array.from({ length: 39 }, (): TrailEntry => ({ at, event: 'silence', slave: 'a' })),
  ])
  t.equal(trail.length, TRAIL_ENTRIES_MAX)
  note({ trail }, { at, event: 'expired' })
  t.equal(trail.length, TRAIL_ENTRIES_MAX)
  t.strictSame(trail[24]?.why, { is: 'omitted', entries: 13 })
})
