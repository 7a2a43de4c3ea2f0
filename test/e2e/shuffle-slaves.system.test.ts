// In every stage of the word-frequency shuffle a slave is killed, with the partitions that it keeps: the
// result has the same bytes, and only what was lost runs again.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Json } from '../requests.ts'
import { post, until } from '../requests.ts'
import { ended, JOB, SLAVES, STAGES, shaOfResult, startFleet, struckIn } from './shuffle.ts'

t.test('a slave dies in every stage', async (t) => {
  const fleet = await startFleet(t)
  const { body } = await post(`${fleet.url}/jobs`, JOB)
  const calm = await ended(fleet.url, body.id)
  t.equal(calm.status, 'done', JSON.stringify(calm.failure))
  const expected = await shaOfResult(fleet.url, calm.id)
  let again = 0

  for (const [i, stage] of STAGES.entries()) {
    await t.test(stage, async (t) => {
      const job = await struckIn(fleet, stage, () => fleet.restartSlave(i % SLAVES))
      t.equal(job.status, 'done', JSON.stringify(job.failure))
      t.equal(await shaOfResult(fleet.url, job.id), expected, 'the same bytes')
      const parts = job.stages.map((each: Json) => `${each.name} ${each.again} of ${each.total}`)
      t.comment(`ran again: ${parts.join(', ')}`)
      again += job.stages.reduce((sum: number, each: Json) => sum + each.again, 0)
      const whole = job.stages.find((each: Json) => each.name === 'count')
      t.ok(whole.again < whole.total, 'not everything was counted again')
    })
  }
  t.ok(again > 0, 'the report says what ran again')

  await t.test('when a job has ended its partitions go', async (t) => {
    const folders = [0, 1, 2].map((i) => join(fleet.data, `slave-${i}`, 'work', 'partitions'))
    await until(async () => folders.every((folder) => readdirSync(folder).length === 0))
    t.pass('none is left')
  })
})
