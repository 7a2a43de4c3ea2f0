// A burst on few slots: who is taken, who is refused, and that nothing is lost or given twice.

import t from 'tap'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { getJson, post, request, sleep, until } from '../requests.ts'
import { startMaster, startSlave } from '../rigs/cluster/programs.ts'

const SLAVES = 5
const SLOTS = 4
const BURST = 200
/** Longer than the test: what is taken stays until it is cancelled. */
const TASK_MS = 60_000
/** Between two looks at what a slave holds. */
const LOOK_MS = 20

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** What the slaves say that they hold, looked at over and over. */
function watch(slaves: string[]) {
  const holders = new Map<string, Set<string>>()
  let most = 0
  let looks = 0
  let stopped = false

  async function look(url: string): Promise<void> {
    while (!stopped) {
      const { card, state, attempts } = await getJson(`${url}/attempts`)
      const running = attempts.filter(({ status }: Json) => status !== 'ended')
      most = Math.max(most, running.length, state.slots - state.free)
      looks++
      for (const { attempt, task } of attempts) {
        holders.set(task, (holders.get(task) ?? new Set()).add(`${card.name} ${attempt}`))
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  const watching = Promise.all(slaves.map(look))
  return async () => {
    stopped = true
    await watching
    return { most, looks, holders }
  }
}

t.test(`${BURST} at once on ${SLAVES} slaves of ${SLOTS} slots`, async (t) => {
  const { url } = await startMaster(t, folderOf(t), ['--ask-timeout-ms', '15000'])
  const slaveArgs = ['--slots', `${SLOTS}`, '--executors', '2', '--kinds', 'sleep']
  const slaves = await Promise.all(
    range(SLAVES).map((i) => startSlave(t, url, `slave-${i + 1}`, slaveArgs)),
  )
  const urls = slaves.map((slave) => slave.url)

  await t.test('takes as many as there are slots, and refuses the others', async (t) => {
    const stop = watch(urls)
    const answers = await Promise.all(range(BURST).map(() => post(`${url}/tasks`, sleep(TASK_MS))))
    const taken = answers.filter(({ status }) => status === 202)
    const refused = answers.filter(({ status }) => status === 503)
    t.equal(taken.length, SLAVES * SLOTS)
    t.equal(refused.length, BURST - SLAVES * SLOTS)
    t.ok(refused.every(({ body }) => body.type === 'at-capacity'))
    t.ok(
      refused.every(({ body }) => body.asked.length === SLAVES),
      'each refusal names every slave',
    )
    const perSlave = Object.groupBy(taken, ({ body }) => body.slave)
    t.same(
      Object.values(perSlave).map((tasks) => tasks?.length),
      range(SLAVES).map(() => SLOTS),
    )
    for (const row of (await getJson(`${url}/slaves`)).slaves) {
      t.match(row, { running: SLOTS, free: 0, beingOffered: 0, state: 'busy' })
    }

    await until(async () => {
      const held = await Promise.all(urls.map((slave) => getJson(`${slave}/attempts`)))
      return held.every(({ attempts }) => attempts.length === SLOTS)
    })
    const { most, looks, holders } = await stop()
    t.ok(most <= SLOTS, `never above ${SLOTS} in ${looks} looks, at most ${most}`)
    t.same(
      [...holders.keys()].sort(),
      taken.map(({ body }) => body.id).sort(),
      'what was taken is held, and nothing that was refused',
    )
    t.ok([...holders.values()].every((held) => held.size === 1))

    const { counters, tasks: counts } = await getJson(`${url}/status`)
    t.match(counts, { 'in progress': SLAVES * SLOTS, pending: 0, done: 0 })
    t.match(counters, {
      accepted: SLAVES * SLOTS,
      answers: { taken: SLAVES * SLOTS },
      refused: { 'at-capacity': BURST - SLAVES * SLOTS },
      attemptsLost: 0,
    })

    const cancelled = await Promise.all(
      taken.map(({ body }) => request('DELETE', `${url}/tasks/${body.id}`)),
    )
    t.ok(cancelled.every(({ status, body }) => status === 200 && body.status === 'cancelled'))
    await until(async () => {
      const held = await Promise.all(urls.map((slave) => getJson(`${slave}/attempts`)))
      return held.every(({ attempts }) => attempts.length === 0)
    })
  })

  await t.test('queues all of them, and each is done once', async (t) => {
    const before = await getJson(`${url}/status`)
    const stop = watch(urls)
    const answers = await Promise.all(
      range(BURST).map((i) => post(`${url}/tasks`, { ...sleep(10 + i / 1000), queue: true })),
    )
    t.same([...new Set(answers.map(({ status }) => status))], [202])
    const ids = answers.map(({ body }) => body.id as string)
    t.equal(new Set(ids).size, BURST)
    await until(async () => {
      const { tasks } = await getJson(`${url}/status`)
      return tasks.done === before.tasks.done + BURST
    })
    const tasks = await Promise.all(ids.map((id) => getJson(`${url}/tasks/${id}`)))
    t.ok(tasks.every(({ status, tries }) => status === 'done' && tries === 1))
    t.ok(
      tasks.every(({ result }, i) => result.sleptMs === 10 + i / 1000),
      'each has its own result',
    )
    const trails = await Promise.all(ids.map((id) => getJson(`${url}/tasks/${id}/trail`)))
    const events = trails.flatMap(({ trail }) => trail.map(({ event }: Json) => event))
    t.equal(events.filter((event) => event === 'taken').length, BURST)
    t.equal(events.filter((event) => event === 'done').length, BURST)
    const { most, looks, holders } = await stop()
    t.ok(most <= SLOTS, `never above ${SLOTS} in ${looks} looks, at most ${most}`)
    t.ok([...holders.values()].every((held) => held.size === 1))
    const { counters } = await getJson(`${url}/status`)
    t.match(counters, {
      accepted: SLAVES * SLOTS + BURST,
      ended: { done: BURST, cancelled: SLAVES * SLOTS },
      attemptsLost: 0,
      callbacksUnattached: 0,
      callbacksStale: 0,
      callbacksForged: 0,
    })
    const rows = (await getJson(`${url}/slaves`)).slaves as Json[]
    const taken = rows.reduce((sum, row) => sum + row.taken, 0)
    t.equal(taken, SLAVES * SLOTS + BURST, 'every attempt once')
  })
})
