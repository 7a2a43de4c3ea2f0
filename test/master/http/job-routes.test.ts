// Jobs as clients read them: what is read of the store for it.

import t from 'tap'
import { jobs as jobRoutes } from '../../../master/http/routes/jobs.ts'
import type { Jobs } from '../../../master/jobs/jobs.ts'
import type { JobRecord } from '../../../master/store/jobs/job-store.ts'
import { systemClock, wallTime } from '../../../shared/data/clock.ts'
import { createServer } from '../../../shared/http/server.ts'
import { createLog } from '../../../shared/process/log.ts'

const ID = '01990000-0000-7000-8000-000000000001'
const ended: JobRecord = {
  id: ID,
  kind: 'sum',
  input: '1',
  inputBytes: 1,
  parts: null,
  slots: 1,
  slaves: 1,
  together: 1,
  priority: 0,
  runLimitMs: 1000,
  tags: '[]',
  ticket: '',
  trace: null,
  idempotencyKey: null,
  requestHash: null,
  client: null,
  status: 'done',
  createdAt: wallTime(0),
  endedAt: wallTime(1),
  outcome: '{"result":{"result":2}}',
  outcomeBytes: 23,
  stages: '[]',
}

/** The routes on a job, and what they do with it. */
async function setUp(records: JobRecord[]) {
  const done: string[] = []
  const jobs = {
    get: async () => {
      done.push('get')
      return { record: records.length > 1 ? records.shift() : records[0], job: null }
    },
    wait: async () => void done.push('wait'),
  }
  const server = createServer({ log: await createLog('test', 'silent'), bodyBytesMax: 1000 })
  const caller = { client: '*', scopes: ['admin'], slave: null }
  server.decorateRequest('caller', { getter: () => caller as never })
  const options = { jobs: jobs as unknown as Jobs, wall: systemClock.wall, waitMsMax: 1000 }
  await server.register(jobRoutes, options as never)
  t.teardown(() => server.close())
  const get = async (path: string) => (await server.inject(path)).json()
  return { done, get }
}

t.test('a job that has ended is read once', async (t) => {
  for (const path of [`/jobs/${ID}`, `/jobs/${ID}/result`]) {
    const { done, get } = await setUp([ended])
    t.match(await get(path), { id: ID, result: 2 })
    t.same(done, ['get'], path)
  }
})

t.test('a job that has not ended is read again after the wait', async (t) => {
  const live: JobRecord = { ...ended, status: 'in progress', endedAt: null, outcome: null }
  for (const path of [`/jobs/${ID}`, `/jobs/${ID}/result`]) {
    const { done, get } = await setUp([live, ended])
    t.match(await get(path), { id: ID, result: 2 })
    t.same(done, ['get', 'wait', 'get'], path)
  }
})
