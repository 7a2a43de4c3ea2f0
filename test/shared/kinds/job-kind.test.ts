// The contract of every job kind: its examples, cut into any number of parts, give their outputs.

import t from 'tap'
import { Value } from 'typebox/value'
import { createRandom } from '../../../shared/data/random.ts'
import { kindNames, loadJobKinds, loadKinds } from '../../../shared/kinds/load-kinds.ts'
import { runJob } from '../run-job.ts'

const jobs = await loadJobKinds()
const kinds = await loadKinds()
const names = await kindNames()

for (const [name, job] of jobs) {
  t.test(`the job ${name} gives the outputs of its examples, in 1 to 7 parts`, async (t) => {
    const random = createRandom(1)
    for (const { input, output } of job.examples) {
      t.same(job.mistakes?.(input as never) ?? [], [])
      for (const parts of [null, 1, 2, 3, 4, 5, 6, 7]) {
        const { result } = await runJob({ job, kinds, input, parts, random })
        t.same(result, output, `${parts ?? 'any number of'} parts`)
      }
    }
  })

  t.test(`the job ${name} needs kinds that there are, and refuses unknown fields`, async (t) => {
    for (const { input } of job.examples) {
      for (const needed of job.needs(input as never)) t.ok(names.includes(needed), needed)
      t.notOk(Value.Check(job.input, { ...(input as object), unknownField: 1 }))
    }
  })
}
