// Every expression that runs away is refused again with the same words. It takes a minute of computing, so it
// is no unit test: hostile.test.ts does the same with those that end at once.

import t from 'tap'
import { failure, RUNAWAY } from './runaway.ts'

t.setTimeout(600_000)

for (const [expression, number] of RUNAWAY) {
  const name = `${expression.slice(0, 60)} ${number ?? ''}`.replaceAll('\n', '; ')
  t.test(`refuses again with the same words: ${name}`, async (t) => {
    t.equal(failure(expression, number), failure(expression, number))
  })
}
