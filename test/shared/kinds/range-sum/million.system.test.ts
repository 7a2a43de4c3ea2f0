import t from 'tap'
import { createRandom } from '../../../../shared/data/random.ts'
import { loadJobKinds, loadKinds } from '../../../../shared/kinds/load-kinds.ts'
import { runJob } from '../../run-job.ts'

const job = (await loadJobKinds()).get('range-sum')!
const kinds = await loadKinds(['range-sum'])
const random = createRandom(7)

t.test('the squares up to a million, in any number of parts, are 333333833333500000', async (t) => {
  const input = { expression: 'n^2', from: 1, to: 1_000_000 }
  for (const parts of [null, 1, 2, 3, 7, 10, 64, 1000]) {
    const { result } = await runJob({ job, kinds, input, parts, slots: 3, random })
    t.same(result, { mathjs: 'bigint', value: '333333833333500000' }, `${parts} parts`)
  }
})
