// The seed's story, on real processes.

import t from 'tap'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { getJson, post, sleep, until } from '../requests.ts'
import { startMaster, startSlave } from '../rigs/cluster/programs.ts'

t.test(
  'two slaves take a task each, the third request hears why nobody is available',
  async (t) => {
    const { url } = await startMaster(t, folderOf(t))
    await startSlave(t, url, 'slave-1', ['--slots', '1'])
    await startSlave(t, url, 'slave-2', ['--slots', '1'])

    // One earlier task of this length, so that the service time is measured.
    const earlier = await post(`${url}/tasks`, sleep(7000), { prefer: 'wait=30' })
    t.match(earlier, { status: 200, body: { status: 'done', slave: 'slave-1' } })

    const first = await post(`${url}/tasks`, sleep(7000))
    const startedAt = performance.now()
    t.match(first, { status: 202, body: { status: 'in progress', slave: 'slave-1' } })
    t.equal(first.body.message, 'Task successfully assigned to slave-1.')
    t.equal(first.headers.get('location'), `/tasks/${first.body.id}`)

    const second = await post(`${url}/tasks`, { expression: '2 + 3 * sqrt(16)' })
    t.match(second.body.asked, [
      { slave: 'slave-1', answer: 'not available', reason: 'running 1 of 1' },
      { slave: 'slave-2', answer: 'available' },
    ])
    t.equal(second.body.message, 'Task successfully assigned to slave-2.')
    await until(async () => (await getJson(`${url}/tasks/${second.body.id}`)).status === 'done')
    t.match(await getJson(`${url}/tasks/${second.body.id}`), { result: 14, resultType: 'number' })

    const other = await post(`${url}/tasks`, sleep(7000))
    t.equal(other.body.slave, 'slave-2')

    const third = await post(`${url}/tasks`, sleep(7000))
    t.match(third, {
      status: 503,
      body: {
        type: 'at-capacity',
        asked: [
          { slave: 'slave-1', answer: 'not available', reason: 'running 1 of 1' },
          { slave: 'slave-2', answer: 'not available', reason: 'running 1 of 1' },
        ],
      },
    })
    const retryAfter = Number(third.headers.get('retry-after'))
    const left = 7 - (performance.now() - startedAt) / 1000
    // The earlier one is all that is known, and a busy machine had it longer than it slept.
    const known = await getJson(`${url}/tasks/${earlier.body.id}`)
    const most = Math.ceil((Date.parse(known.endedAt) - Date.parse(known.startedAt)) / 1000)
    t.ok(
      retryAfter >= Math.floor(left) && retryAfter <= most,
      `Retry-After ${retryAfter}, left ${left}, at most ${most}`,
    )

    const during = await getJson(`${url}/get-tasks`)
    t.match(statusOf(during, first.body.id), { status: 'in progress', slave: 'slave-1' })
    t.match(statusOf(during, other.body.id), { status: 'in progress', slave: 'slave-2' })
    t.match(statusOf(during, second.body.id), { status: 'done', result: 14 })

    for (const { body } of [first, other])
      await until(async () => (await getJson(`${url}/tasks/${body.id}`)).status === 'done')
    const after = await getJson(`${url}/get-tasks`)
    t.match(statusOf(after, first.body.id), { status: 'done', result: { sleptMs: 7000 } })
    t.equal(after.tasks.length, 4, 'the refused one left nothing behind')

    const again = await post(`${url}/tasks`, { expression: '1 + 1' })
    t.equal(again.body.slave, 'slave-1')
  },
)

const statusOf = (list: { tasks: Json[] }, id: string): Json =>
  list.tasks.find((task) => task.id === id)
