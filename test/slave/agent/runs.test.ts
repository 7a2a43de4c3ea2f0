import { test } from 'tap'
import { createLog } from '../../../shared/process/log.ts'
import type { Offer, OffersReply } from '../../../shared/protocol/wire.ts'
import { createRuns } from '../../../slave/agent/runs.ts'
import { createSlaveFigures } from '../../../slave/core/measurements.ts'

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const offer = (attempt: string, more: Partial<Offer> = {}): Offer => ({
  attempt,
  task: `task of ${attempt}`,
  kind: 'work',
  input: null,
  runLimitMs: 1000,
  ...more,
})
const ended = (attempt: string) => ({
  attempt,
  outcome: { status: 'done' as const, result: 1 },
  ranMs: 2,
})

async function setUp(level = 'silent') {
  const figures = createSlaveFigures()
  const lines: Record<string, unknown>[] = []
  const to = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const log = await createLog('test', level, 'json', to)
  return { figures, lines, runs: createRuns({ figures, log }) }
}

test('a run that ended becomes a callback with its task and the trace of its offer', async (t) => {
  const { figures, runs } = await setUp()
  const offers = [offer('a', { traceparent: TRACE }), offer('b')]
  runs.hold(offers)
  t.equal(runs.begin('a'), offers[0], 'the whole offer is handed to the executors')
  runs.begin('b')
  runs.release()
  const { outcome } = ended('a')
  t.strictSame(runs.end([ended('a'), ended('b')]), [
    { attempt: 'a', task: 'task of a', outcome, ranMs: 2, traceparent: TRACE },
    { attempt: 'b', task: 'task of b', outcome, ranMs: 2 },
  ])
  t.same(figures.ended, { done: 2, failed: 0 })
  t.equal(
    figures.runMs.counts.reduce((sum, each) => sum + each),
    2,
  )
})

test('a run that was revoked, or has ended before, has no callback and counts for nothing', async (t) => {
  const { figures, runs } = await setUp()
  runs.hold([offer('a'), offer('b')])
  runs.begin('a')
  runs.begin('b')
  runs.revoked('a')
  t.equal(runs.end([ended('b')]).length, 1)
  t.same(runs.end([ended('a'), ended('b')]), [])
  t.same(figures.ended, { done: 1, failed: 0 })
})

test('answers are counted by what they are, those of polled tasks too', async (t) => {
  const { figures, runs } = await setUp()
  runs.hold([offer('a'), offer('b')])
  const answers: OffersReply['answers'] = [
    { attempt: 'a', answer: 'taken', reason: '' },
    { attempt: 'b', answer: 'busy', reason: 'running 1 of 1' },
  ]
  // A polled task has no answer, so what is taken is counted when it begins.
  runs.begin('a')
  runs.refused({ answers } as OffersReply)
  t.match(figures.answers, { taken: 1, busy: 1, draining: 0 })
})

test('nothing begins without an offer that is held', async (t) => {
  const { runs } = await setUp()
  runs.hold([offer('a')])
  runs.release()
  t.throws(() => runs.begin('a'), /taken without an offer/)
})

test('what happens to each attempt is in the log, of those who want that', async (t) => {
  const trace = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736' }
  for (const level of ['debug', 'info']) {
    const { runs, lines } = await setUp(level)
    runs.hold([offer('a', { traceparent: TRACE }), offer('b'), offer('c')])
    for (const attempt of ['a', 'b', 'c']) runs.begin(attempt)
    const answers = [
      { attempt: 'a', answer: 'taken', reason: '' },
      { attempt: 'c', answer: 'busy', reason: 'running 1 of 1' },
      { attempt: 'd', answer: 'revoked', reason: '' },
    ]
    runs.refused({ answers } as OffersReply)
    runs.revoked('c')
    const message = 'division by zero'
    runs.end([
      ended('a'),
      { attempt: 'b', outcome: { status: 'failed', type: 'evaluation', message }, ranMs: 3 },
    ])
    if (level === 'info') {
      t.same(lines, [])
      continue
    }
    t.match(lines, [
      { msg: 'taken', attempt: 'a', task: 'task of a', kind: 'work', ...trace },
      { msg: 'taken', attempt: 'b', task: 'task of b' },
      { msg: 'taken', attempt: 'c' },
      { msg: 'refused', attempt: 'c', task: 'task of c', kind: 'work', answer: 'busy' },
      { msg: 'refused', attempt: 'd', task: '', answer: 'revoked' },
      { msg: 'revoked', attempt: 'c', task: 'task of c' },
      { msg: 'ended', attempt: 'a', status: 'done', ranMs: 2, ...trace },
      { msg: 'ended', attempt: 'b', status: 'failed', type: 'evaluation', ranMs: 3 },
    ])
    t.equal(lines.length, 8)
  }
})

test('answers of each sort are counted one by one', async (t) => {
  const { figures, runs } = await setUp()
  const answers = ['a', 'b', 'c'].map((attempt) => ({ attempt, answer: 'busy', reason: '' }))
  runs.refused({ answers } as OffersReply)
  t.equal(figures.answers.busy, 3)
})
