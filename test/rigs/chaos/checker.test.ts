// The checker of the chaos runs on hand-made histories: it must pass a good one, and say what is
// wrong with each bad one.

import { DatabaseSync } from 'node:sqlite'
import { test } from 'tap'
import type { FindingKind, Row } from './checker.ts'
import { check, createChecker, FINDINGS } from './checker.ts'
import type { Entry, Seen, Wanted } from './history.ts'
import { openHistory } from './history.ts'

type Run = { history: Entry[]; rows: Row[] }

const wanted = (tag: string, a = 2, b = 3): Wanted => ({
  tag,
  kind: 'expression',
  input: { expression: `${a} + ${b}`, scope: { x: 1 } },
  result: String(a + b),
})

const row = (tag: string, id: string, change: Partial<Row> = {}): Row => ({
  id,
  status: 'done',
  tags: JSON.stringify([tag]),
  input: '{"scope":{"x":1},"expression":"2 + 3"}',
  outcome: '{"status":"done","result":5}',
  trail: '[{"at":1,"event":"taken","slave":"slave-1"},{"at":2,"event":"done"}]',
  idempotencyKey: null,
  ...change,
})

const live = (id: string): Seen => ({ id, status: 'in progress' })
const done = (id: string, endedAt = '2026-01-01T00:00:00.002Z'): Seen => ({
  id,
  status: 'done',
  result: '5',
  endedAt,
})
const cancelled = (id: string): Seen => ({ id, status: 'cancelled' })

let clock = 0
let n = 0
const common = (code: number | null) => ({ n: n++, from: (clock += 10), to: (clock += 10), code })

const submit = (tag: string, key: string | null, seen: Seen | number | null): Entry => {
  const answer = typeof seen === 'object' && seen !== null ? { seen } : {}
  const code = typeof seen === 'number' ? seen : seen === null ? null : 202
  return { op: 'submit', ...common(code), key, wanted: wanted(tag), ...answer }
}
const read = (seen: Seen): Entry => ({ op: 'read', ...common(200), id: seen.id, seen })
const readMissing = (id: string): Entry => ({ op: 'read', ...common(404), id })
const cancel = (seen: Seen): Entry => ({ op: 'cancel', ...common(200), id: seen.id, seen })
const held = (attempts: number): Entry => ({
  op: 'held',
  ...common(200),
  slave: 'slave-1',
  attempts,
})

/** Two tasks by key, one in a batch, one cancelled, one refused; all as it should be. */
function good(): Run {
  return {
    history: [
      submit('c1', 'k1', null),
      submit('c1', 'k1', live('t1')),
      read(live('t1')),
      submit('c2', 'k2', 503),
      submit('c2', 'k2', live('t2')),
      {
        op: 'batch',
        ...common(200),
        wanted: [wanted('c3'), wanted('c4')],
        each: [{ code: 202, seen: live('t3') }, { code: 503 }],
      },
      submit('c5', 'k5', live('t5')),
      { op: 'list', ...common(200), lowest: 't2', seen: ['t5', 't3', 't2'].map(live) },
      cancel(cancelled('t5')),
      submit('c6', 'k6', 503),
      submit('c7', 'k1', 422),
      submit('c8', null, null),
      read(done('t1')),
      read(done('t1')),
      held(0),
    ],
    rows: [
      row('c1', 't1'),
      row('c2', 't2'),
      row('c3', 't3'),
      row('c5', 't5', { status: 'cancelled', outcome: null, trail: '[{"event":"cancelled"}]' }),
      row('c8', 't8'),
    ],
  }
}

function judge({ history, rows }: Run) {
  const checker = createChecker()
  for (const entry of history) checker.take(entry)
  return checker.finish(rows)
}

test('passes a run in which all is well', async (t) => {
  const verdict = judge(good())
  t.same(verdict.findings, [])
  t.equal(verdict.ok, true)
  t.match(verdict.counts, { acknowledged: 4, unanswered: 2, ended: 5, rows: 5 })
})

const change = (run: Run, id: string, to: Partial<Row>): void => {
  run.rows = run.rows.map((one) => (one.id === id ? { ...one, ...to } : one))
}
const drop = (run: Run, id: string): void => {
  run.rows = run.rows.filter((one) => one.id !== id)
}

const bad: [words: string, kind: FindingKind, spoil: (run: Run) => void][] = [
  ['an acknowledged task that is not in the store', 'lost', (run) => drop(run, 't2')],
  ['an acknowledged task of a batch that is gone', 'lost', (run) => drop(run, 't3')],
  ['404 for an acknowledged task', 'lost', ({ history }) => history.push(readMissing('t2'))],
  [
    'a task that never ended',
    'stuck',
    (run) => change(run, 't2', { status: 'pending', outcome: null }),
  ],
  [
    'a read that differs from the store',
    'second-outcome',
    (run) => change(run, 't1', { outcome: '{"status":"done","result":6}' }),
  ],
  [
    'two reads with different results',
    'second-outcome',
    ({ history }) => history.push(read({ ...done('t1'), result: '6' })),
  ],
  [
    'two reads with different ends in time',
    'second-outcome',
    ({ history }) => history.push(read(done('t1', '2026-01-01T00:00:00.003Z'))),
  ],
  [
    'a success that a failure replaced',
    'second-outcome',
    (run) => change(run, 't1', { status: 'failed', outcome: '{"type":"poison","message":"m"}' }),
  ],
  [
    'a task in progress after its end was read',
    'went-back',
    ({ history }) => history.push(read(live('t1'))),
  ],
  [
    'a repeated request that says pending after the end',
    'went-back',
    ({ history }) => history.push(submit('c1', 'k1', { id: 't1', status: 'pending' })),
  ],
  [
    'a wrong value',
    'wrong-value',
    (run) => change(run, 't2', { outcome: '{"status":"done","result":7}' }),
  ],
  [
    'a failure of a task that cannot fail',
    'wrong-end',
    (run) =>
      change(run, 't2', { status: 'failed', outcome: '{"type":"slave-lost","message":"m"}' }),
  ],
  [
    'a cancelled task that nobody cancelled',
    'wrong-end',
    (run) => change(run, 't2', { status: 'cancelled', outcome: null }),
  ],
  [
    'an expired task',
    'wrong-end',
    (run) => change(run, 't2', { status: 'expired', outcome: null }),
  ],
  [
    'two ids for one key',
    'two-ids',
    ({ history, rows }) => {
      history.push(submit('c1', 'k1', live('t9')))
      rows.push(row('c1', 't9'))
    },
  ],
  [
    'an unanswered request that made two tasks',
    'doubled',
    ({ rows }) => void rows.push(row('c8', 't9')),
  ],
  [
    'two submissions with one id',
    'doubled',
    ({ history }) => history.push(submit('c9', null, live('t2'))),
  ],
  [
    'a refused task that is in the store',
    'refused-but-there',
    ({ rows }) => void rows.push(row('c6', 't6')),
  ],
  [
    'a refused task of a batch that is in the store',
    'refused-but-there',
    ({ rows }) => void rows.push(row('c4', 't4')),
  ],
  ['a task that nobody submitted', 'from-nowhere', ({ rows }) => void rows.push(row('c99', 't99'))],
  [
    'a key that took another body',
    'another-body',
    ({ history }) => history.push(submit('c9', 'k1', live('t1'))),
  ],
  [
    'an input that changed',
    'changed-input',
    (run) => change(run, 't2', { input: '{"expression":"2 + 3"}' }),
  ],
  [
    'a list without an acknowledged task',
    'missing-in-list',
    ({ history }) =>
      history.push({ op: 'list', ...common(200), lowest: 't1', seen: [live('t5'), live('t2')] }),
  ],
  [
    'a trail with two ends',
    'ended-twice',
    (run) => change(run, 't2', { trail: '[{"event":"done"},{"event":"done"}]' }),
  ],
  ['a trail without an end', 'ended-twice', (run) => change(run, 't2', { trail: '[]' })],
  [
    'a cancelled task that ended as done',
    'second-outcome',
    (run) => change(run, 't5', { status: 'done', outcome: '{"status":"done","result":5}' }),
  ],
  [
    'a cancellation that answers with a done task',
    'cancel-undone',
    ({ history }) => history.push(cancel(done('t2'))),
  ],
  ['an outbox that is not empty', 'outbox-left', ({ history }) => history.push(held(2))],
  [
    'a mistake of the server',
    'internal-error',
    ({ history }) => history.push(submit('c9', null, 500)),
  ],
]

for (const [words, kind, spoil] of bad) {
  test(`flags ${words}`, async (t) => {
    const run = good()
    spoil(run)
    const verdict = judge(run)
    t.equal(verdict.ok, false)
    t.ok(
      verdict.findings.some((finding) => finding.kind === kind),
      JSON.stringify(verdict.findings),
    )
  })
}

test('has a bad history for every kind of finding', async (t) => {
  t.same(new Set(bad.map(([, kind]) => kind)), new Set(Object.keys(FINDINGS)))
})

test('reads histories and stores from files', async (t) => {
  const folder = t.testdir()
  const history = openHistory(`${folder}/history.ndjson`)
  for (const entry of good().history) history.write(entry)
  await history.close()
  const database = new DatabaseSync(`${folder}/store.sqlite`)
  database.exec(`CREATE TABLE tasks
    (n INTEGER PRIMARY KEY, id, status, tags, input, outcome, trail, idempotencyKey)`)
  const insert = database.prepare('INSERT INTO tasks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)')
  for (const one of good().rows) {
    const { id, status, tags, input, outcome, trail, idempotencyKey } = one
    insert.run(id, status, tags, input, outcome, trail, idempotencyKey)
  }
  database.close()
  t.match(await check(`${folder}/history.ndjson`, `${folder}/store.sqlite`), { ok: true })
})
