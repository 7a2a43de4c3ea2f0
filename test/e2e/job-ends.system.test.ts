// How a job that failed is shown: nothing of it runs any more.

import t from 'tap'
import { folderOf } from '../folder.ts'
import { getJson, post } from '../requests.ts'
import { startMaster, startSlave } from '../rigs/cluster/programs.ts'

const STAGES = ['list', 'count', 'group', 'exchange', 'sort']
const KINDS = ['--kinds', STAGES.map((stage) => `word-frequency.${stage}`).join(',')]

t.test('of a job that failed no part runs', async (t) => {
  const { url } = await startMaster(t, folderOf(t))
  await startSlave(t, url, 'slave-1', KINDS)
  const { body } = await post(
    `${url}/jobs`,
    { kind: 'word-frequency', input: { files: 'all' } },
    { prefer: 'wait=60' },
  )
  t.match(body, { status: 'failed', stages: [{ name: 'list', total: 1, done: 0, running: 0 }] })
  t.not(body.stages[0].endedAt, null)
  const { stages } = await getJson(`${url}/jobs/${body.id}/parts`)
  t.match(stages, [{ parts: [{ status: 'failed' }] }])
})
