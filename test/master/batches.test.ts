// A long batch is handled piece by piece: what is checked, handed out and saved in one turn is bounded, and
// each task has its answer.

import type { Test } from 'tap'
import t from 'tap'
import { startQuietMaster } from '../quiet-master.ts'
import { getJson, post } from '../requests.ts'

const ITEM_CHARS = 16_000
const TASKS = 200
/** What one portion has, and the item that went beyond it. */
const PORTION_TASKS_MAX = Math.ceil((1 << 18) / ITEM_CHARS) + 1

/** A master and a slave that does not poll any more: what is submitted waits. */
async function setUp(t: Test) {
  const master = await startQuietMaster(t, { store: 'sqlite' })
  await fetch(`${master.url}/get_task?slave=a&kinds=expression&wait=0`)
  return master
}

const item = (i: number, chars = ITEM_CHARS) => ({
  expression: `${i}`,
  scope: { x: 'y'.repeat(chars) },
  queue: true,
})

t.test(
  'a long batch is saved in portions, and each of its tasks is answered in order',
  async (t) => {
    const { url, dispatcher } = await setUp(t)
    const tasks = Array.from({ length: TASKS }, (_, i) => item(i))
    const { status, body } = await post(`${url}/tasks/batch`, { tasks })
    t.equal(status, 200)
    t.ok(body.tasks.every(({ code }: { code: number }) => code === 202))
    const ids = body.tasks.map(({ id }: { id: string }) => id) as string[]
    t.equal(new Set(ids).size, TASKS)
    t.same(ids, ids.toSorted(), 'in the order in which they came')
    t.match(await getJson(`${url}/tasks/${ids[7]}`), { input: { expression: '7' } })
    const { bounds, counts } = dispatcher.commits.tasks
    const largest = bounds[counts.findLastIndex((count) => count > 0)] ?? Number.POSITIVE_INFINITY
    t.ok(largest <= 20 && PORTION_TASKS_MAX <= 20, `a commit of up to ${largest} tasks`)
  },
)

t.test('a long batch with an invalid task is refused as a whole, with its place', async (t) => {
  const { url } = await setUp(t)
  const tasks: object[] = Array.from({ length: TASKS }, (_, i) => item(i))
  tasks[TASKS - 1] = { ...item(0), priority: 1_000 }
  t.match(await post(`${url}/tasks/batch`, { tasks }), {
    status: 400,
    body: { errors: [{ field: `tasks.${TASKS - 1}.priority` }] },
  })
  t.same((await getJson(`${url}/tasks`)).tasks, [], 'nothing of it was stored')
})

t.test('a task in a batch may be as long as one by itself, and no longer', async (t) => {
  const { url } = await setUp(t)
  const most = 1_048_576
  const around = JSON.stringify(item(1, 0)).length
  const send = (chars: number) => post(`${url}/tasks/batch`, { tasks: [item(0), item(1, chars)] })
  t.match(await send(most - around), { status: 200 })
  t.match(await send(most - around + 1), {
    status: 400,
    body: {
      errors: [{ field: 'tasks.1', rule: 'has 1048577 bytes; a task may have 1048576' }],
    },
  })
})
