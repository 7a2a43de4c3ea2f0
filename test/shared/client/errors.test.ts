import t from 'tap'
import {
  isProblem,
  NoResultError,
  ProblemError,
  UnreachableError,
} from '../../../shared/client/errors.ts'

t.test('says what the master said: the detail, else the title, else the type', async (t) => {
  const document = { type: 'at-capacity', status: 503 } as const
  t.match(new ProblemError({ ...document, title: 'b', detail: 'a' }), {
    name: 'ProblemError',
    message: /^a$/,
    type: 'at-capacity',
    status: 503,
    retryAfterMs: null,
  })
  t.equal(new ProblemError({ ...document, title: 'b' }).message, 'b')
  const bare = new ProblemError(document, 7)
  t.equal(bare.message, 'at-capacity')
  t.equal(bare.retryAfterMs, 7)
  t.equal(bare.document, document)
  t.same(bare.asked, [])
  const asked = [{ slave: 'a', answer: 'busy' as const, ms: 1 }]
  t.same(new ProblemError({ ...document, asked } as never).asked, asked)
})

t.test('tells a problem of one type from others, and from other errors', async (t) => {
  const problem = new ProblemError({ type: 'at-capacity', status: 503 })
  t.ok(isProblem(problem))
  t.ok(isProblem(problem, 'at-capacity'))
  t.notOk(isProblem(problem, 'no-slaves'))
  t.notOk(isProblem(new Error('at-capacity')))
  t.notOk(isProblem({ type: 'at-capacity', status: 503 }, 'at-capacity'))
})

t.test('says which master cannot be reached, and how a task ended', async (t) => {
  t.match(new UnreachableError('http://a', 'refused', false), {
    name: 'UnreachableError',
    message: 'the master at http://a cannot be reached: refused',
    url: 'http://a',
    reason: 'refused',
    delivered: false,
  })
  const ended = { id: 'a', status: 'expired' }
  const error = new NoResultError(ended)
  t.equal(error.name, 'NoResultError')
  t.equal(error.message, 'a is expired')
  t.equal(error.ended, ended)
})
