import { STATUS_CODES } from 'node:http'
import { test } from 'tap'
import type { ProblemType } from '../../../shared/protocol/problems.ts'
import { PROBLEMS, Problem } from '../../../shared/protocol/problems.ts'

test('gives every code a status that means an error, and one sentence', async (t) => {
  for (const [type, [status, title]] of Object.entries(PROBLEMS)) {
    t.match(type, /^[a-z]+(-[a-z]+)*$/, type)
    t.ok(status >= 400 && status in STATUS_CODES, `${type}: ${status}`)
    t.match(title, /^[A-Z].*\.$/, title)
  }
})

test('gives every code words of its own', async (t) => {
  const titles = Object.values(PROBLEMS).map(([, title]) => title)
  t.equal(new Set(titles).size, titles.length)
})

test('lists the codes by status', async (t) => {
  const statuses: number[] = Object.values(PROBLEMS).map(([status]) => status)
  t.same(
    statuses,
    statuses.toSorted((a, b) => a - b),
  )
})

test('writes itself out as RFC 9457 has it', async (t) => {
  const asked = [{ slave: 'slave-1', answer: 'not available' as const, reason: 'running 1 of 1' }]
  const problem = new Problem('at-capacity', 'Both are busy.', { asked }, { 'retry-after': '3' })
  t.same(problem.document(), {
    type: 'at-capacity',
    title: 'No slave is available.',
    status: 503,
    detail: 'Both are busy.',
    asked,
  })
  t.equal(problem.status, 503)
  t.same(problem.headers, { 'retry-after': '3' })
})

test('is an error that says its detail, and has nothing more when nothing more is given', async (t) => {
  for (const type of Object.keys(PROBLEMS) as ProblemType[]) {
    const problem = new Problem(type, 'Why.')
    t.ok(problem instanceof Error)
    t.match(problem, { name: 'Problem', message: 'Why.', type, status: PROBLEMS[type][0] })
    t.same(Object.keys(problem.document()), ['type', 'title', 'status', 'detail'])
    t.same(problem.headers, {})
  }
})

test('a problem has no stack, and what is thrown after it has one', async (t) => {
  t.notMatch(new Problem('at-capacity', 'no slave is available').stack, /\n +at /)
  t.match(new Problem('internal', 'see the log').stack, /\n +at /)
  t.match(new Error('another').stack, /\n +at /)
})
