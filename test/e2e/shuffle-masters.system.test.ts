// In every stage of the word-frequency shuffle the master is killed: the result has the same bytes.

import t from 'tap'
import { post } from '../requests.ts'
import { ended, JOB, STAGES, shaOfResult, startFleet, struckIn } from './shuffle.ts'

t.test('the master dies in every stage', async (t) => {
  const fleet = await startFleet(t)
  const { body } = await post(`${fleet.url}/jobs`, JOB)
  const calm = await ended(fleet.url, body.id)
  t.equal(calm.status, 'done', JSON.stringify(calm.failure))
  const expected = await shaOfResult(fleet.url, calm.id)

  for (const stage of STAGES) {
    await t.test(stage, async (t) => {
      const job = await struckIn(fleet, stage, () => fleet.restartMaster())
      t.equal(job.status, 'done', JSON.stringify(job.failure))
      t.equal(await shaOfResult(fleet.url, job.id), expected, 'the same bytes')
    })
  }
})
