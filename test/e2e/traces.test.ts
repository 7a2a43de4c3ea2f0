// The trace that a client said survives what the task survives: a restart of the master.

import t from 'tap'
import { spanIdOf } from '../../shared/protocol/trace.ts'
import { folderOf } from '../folder.ts'
import { startQuietMaster } from '../quiet-master.ts'
import { getJson, post } from '../requests.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const headers = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, tracestate: 'shop=7' }

t.test('a queued task keeps its trace over a restart, and hands it to its slave', async (t) => {
  const kept = { store: 'sqlite', data: folderOf(t) } as const
  const before = await startQuietMaster(t, kept)
  const task = { kind: 'sleep', input: { ms: 1 }, queue: true }
  const said = await post(`${before.url}/tasks`, task, headers)
  const batch = await post(`${before.url}/tasks/batch`, { tasks: [task] }, headers)
  const unsaid = await post(`${before.url}/tasks`, task)
  t.match(
    [said, batch, unsaid].map(({ status }) => status),
    [202, 200, 202],
  )
  await before.close()

  const after = await startQuietMaster(t, kept)
  for (const id of [said.body.id, batch.body.tasks[0].id]) {
    t.equal((await getJson(`${after.url}/tasks/${id}`)).traceId, TRACE)
    const offer = await getJson(`${after.url}/get_task?slave=w1&kinds=sleep`)
    t.equal(offer.task, id)
    t.equal(offer.traceparent, `00-${TRACE}-${spanIdOf(id)}-01`, 'with the task as the parent')
    t.equal(offer.tracestate, 'shop=7')
    const { slave, attempt } = { slave: 'w1', attempt: offer.attempt }
    await post(`${after.url}/submit_result`, { slave, attempt, task: id, result: { sleptMs: 1 } })
  }
  const offer = await getJson(`${after.url}/get_task?slave=w1&kinds=sleep`)
  t.equal(offer.task, unsaid.body.id)
  t.notOk('traceparent' in offer, 'its id says it')
})
