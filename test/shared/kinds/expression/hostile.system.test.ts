// Every expression that runs away ends at a limit, is refused again with the same words, and leaves the
// evaluator right. It takes a minute of computing, so it is no unit test: hostile.test.ts does the same
// with those that end at once.

import t from 'tap'
import { failure, isRight, NAMES_A_LIMIT, RUNAWAY } from './runaway.ts'

t.setTimeout(600_000)

for (const [expression, number] of RUNAWAY) {
  const name = `${expression.slice(0, 60)} ${number ?? ''}`.replaceAll('\n', '; ')
  t.test(`ends at a limit that it names, each time the same: ${name}`, async (t) => {
    const first = failure(expression, number)
    t.match(first, NAMES_A_LIMIT)
    t.ok(isRight(number), 'after it')
    t.equal(failure(expression, number), first)
  })
}
