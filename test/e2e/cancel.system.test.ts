// What DELETE says of a task is what becomes of it, however close the two come.

import t from 'tap'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { post, request } from '../requests.ts'
import { startMaster, startSlave } from '../rigs/cluster/programs.ts'

const ROUNDS = 30
const TASKS = 40

t.test('a task is said to be cancelled only if it is', async (t) => {
  const { url } = await startMaster(t, folderOf(t))
  await startSlave(t, url, 'slave-1', ['--slots', '64'])
  await post(`${url}/tasks`, { expression: '1' }, { prefer: 'wait=30' })
  const said: Record<string, number> = {}
  for (let round = 0; round < ROUNDS; round++) {
    const tasks = Array.from({ length: TASKS }, (_, i) => ({ expression: `${i} + 1`, queue: true }))
    const accepted = (await post(`${url}/tasks/batch`, { tasks })).body.tasks
    const answers = await Promise.all(
      accepted.map(async ({ id }: Json, i: number) => {
        await new Promise((resolve) => setTimeout(resolve, (round + i) % 8))
        return request('DELETE', `${url}/tasks/${id}`)
      }),
    )
    for (const { status, body } of answers) {
      const what = `${status} ${status === 200 ? body.status : body.type}`
      said[what] = (said[what] ?? 0) + 1
    }
  }
  t.comment(JSON.stringify(said))
  t.same(
    Object.keys(said).filter((what) => what !== '200 cancelled' && what !== '409 already-ended'),
    [],
  )
})
