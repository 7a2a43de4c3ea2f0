// How jobs end, with the store that they have and a dispatcher that does as it is told: what happens
// to them when the master stops, and when the disk is full.

import t from 'tap'
import type { Dispatcher } from '../../../master/dispatch/dispatcher.ts'
import { createOutputs } from '../../../master/dispatch/output-schemas.ts'
import type { JobStore } from '../../../master/jobs/job-store.ts'
import { openJobStore } from '../../../master/jobs/job-store.ts'
import type { NewJob } from '../../../master/jobs/jobs.ts'
import { createJobs } from '../../../master/jobs/jobs.ts'
import type { Store } from '../../../master/store/store.ts'
import type { JobKind } from '../../../shared/kinds/job-kind.ts'
import { createLog } from '../../../shared/process/log.ts'
import { createSlices } from '../../../shared/process/time-slices.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'

/** One part that works. */
const kind: JobKind = {
  name: 'one',
  summary: '',
  input: {},
  output: {},
  needs: () => ['work'],
  examples: [],
  stages: [{ name: 'work', parts: () => [{ kind: 'work', input: null }] }],
  combine: () => ({ result: 'all' }),
}

const job: NewJob = {
  kind: 'one',
  input: 'null',
  parts: null,
  slots: 1,
  slaves: 1,
  priority: 0,
  runLimitMs: 1000,
  tags: [],
  trace: null,
  idempotencyKey: null,
  requestHash: null,
  client: null,
}

type Over = Partial<JobStore> & {
  partsLoaded?: Dispatcher['partsLoaded']
  kind?: JobKind
  /** Of the first part; others have none. */
  outcome?: object
}

async function setUp({ partsLoaded = [], kind: its = kind, outcome, ...over }: Over = {}) {
  const clock = createSimulatedClock()
  const jobStore = openJobStore(':memory:')
  const cancelled: string[] = []
  const submitted: string[] = []
  const accepted = Promise.withResolvers<{ id: string }>()
  const ended = Promise.withResolvers<void>()
  const dispatcher = {
    isDraining: false,
    partsLoaded,
    submit: ({ idempotencyKey }: { idempotencyKey: string }) => {
      submitted.push(idempotencyKey)
      return submitted.length > 1 && outcome ? new Promise(() => {}) : accepted.promise
    },
    wait: () => ended.promise,
    cancel: async (id: string) => cancelled.push(id) > 0,
  } as unknown as Dispatcher
  const part = {
    status: 'done',
    outcome: JSON.stringify(outcome ?? { status: 'done', result: 1 }),
    slave: 'a',
    tries: 1,
  }
  const store = {
    find: async () => undefined,
    get: async () => ({ ...part, startedAt: 0, endedAt: 1 }),
  } as unknown as Store
  const jobs = createJobs({
    kinds: new Map([['one', its]]),
    jobStore: { ...jobStore, ...over },
    store,
    dispatcher,
    outputs: createOutputs(new Map()),
    clock,
    slices: createSlices(clock),
    jobIds: () => () => 'job-1',
    waitLimitMs: 1000,
    liveJobsMax: 10,
    jobBytesMax: 1_000_000,
    jobsBytesMax: 1_000_000,
    log: await createLog('test', 'silent'),
    onBroken: (error) => {
      throw error
    },
    onEvent: () => {},
  })
  /** Lets everything that waits for nothing happen. */
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) {
      await clock.run({ until: clock.now() })
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const submit = async (asked = job) => {
    const begun = jobs.submit(asked)
    await settle()
    return begun
  }
  return { clock, jobStore, jobs, cancelled, submitted, accepted, ended, settle, submit }
}

t.test('a part that is accepted while the master stops runs on', async (t) => {
  const { jobs, jobStore, cancelled, accepted, settle, submit } = await setUp()
  await submit()
  await settle()
  jobs.close()
  accepted.resolve({ id: 'task-1' })
  await settle()
  t.same(cancelled, [], 'the next start of the master finds it')
  t.equal(jobStore.get('job-1')?.status, 'in progress')
})

t.test('a part that is accepted after its job was cancelled is cancelled', async (t) => {
  const { jobs, jobStore, cancelled, accepted, settle, submit } = await setUp()
  await submit()
  await settle()
  t.equal(await jobs.cancel('job-1'), true)
  accepted.resolve({ id: 'task-1' })
  await settle()
  t.same(cancelled, ['task-1'])
  t.equal(jobStore.get('job-1')?.status, 'cancelled')
})

/** The disk is full when jobs first end. */
function fullOnce() {
  let full = true
  const jobStore = openJobStore(':memory:')
  const { end } = jobStore
  return {
    ...jobStore,
    end: (...given: Parameters<typeof end>): void => {
      if (!full) return end(...given)
      full = false
      throw new Problem('store-full', 'the disk is full')
    },
  }
}

t.test('a job that ends on a full disk has ended once there is room', async (t) => {
  const jobStore = fullOnce()
  const { clock, accepted, ended, settle, submit } = await setUp(jobStore)
  await submit()
  accepted.resolve({ id: 'task-1' })
  ended.resolve()
  await settle()
  t.equal(jobStore.get('job-1')?.status, 'in progress')
  await clock.run({ until: 5_000 })
  t.match(jobStore.get('job-1'), { status: 'done', outcome: '{"result":{"result":"all"}}' })
})

t.test('a job that cannot be cancelled, as the disk is full, goes on', async (t) => {
  const jobStore = fullOnce()
  const { jobs, accepted, ended, settle, cancelled, submit } = await setUp(jobStore)
  await submit()
  accepted.resolve({ id: 'task-1' })
  await settle()
  await t.rejects(jobs.cancel('job-1'), /the disk is full/)
  t.same(cancelled, [])
  ended.resolve()
  await settle()
  t.equal(jobStore.get('job-1')?.status, 'done')
})

t.test('a part that is accepted after its job was cancelled while the master stops', async (t) => {
  const { jobs, cancelled, accepted, settle, submit } = await setUp()
  await submit()
  await settle()
  await jobs.cancel('job-1')
  jobs.close()
  accepted.resolve({ id: 'task-1' })
  await settle()
  t.same(cancelled, ['task-1'])
})

t.test('what a crash left of a cancelled job is cancelled with the next start', async (t) => {
  const jobStore = openJobStore(':memory:')
  const first = await setUp(jobStore)
  await first.submit()
  await first.jobs.cancel('job-1')
  const { ticket } = jobStore.get('job-1') as { ticket: string }
  const partsLoaded = [
    { task: 'task-1', job: 'job-1', key: `part:${ticket}:0:0:0` },
    { task: 'task-2', job: 'job-1', key: 'part:of somebody who calls his tasks so' },
    { task: 'task-3', job: 'of no job', key: 'part:x:0:0:0' },
  ]
  const { jobs, cancelled } = await setUp({ ...jobStore, partsLoaded })
  jobs.resume()
  t.same(cancelled, ['task-1'])
})

t.test('a job that is cancelled while the master stops is cancelled', async (t) => {
  const { jobs, jobStore, accepted, settle, cancelled, submit } = await setUp()
  await submit()
  accepted.resolve({ id: 'task-1' })
  await settle()
  const cancelling = jobs.cancel('job-1')
  jobs.close()
  t.equal(await cancelling, true)
  t.equal(jobStore.get('job-1')?.status, 'cancelled')
  t.same(cancelled, ['task-1'])
})

t.test('blobs that the parts of a live job gave are wanted, and those of its input', async (t) => {
  const [given, asked] = ['a', 'b'].map((letter) => letter.repeat(64))
  const outcome = { status: 'done', result: 1, files: [{ name: 'f', bytes: 1, sha256: given }] }
  const two: JobKind = {
    ...kind,
    stages: [...kind.stages, { name: 'more', parts: () => [{ kind: 'work', input: 2 }] }],
  }
  const { jobs, accepted, ended, settle, submitted, submit } = await setUp({ kind: two, outcome })
  await submit({ ...job, input: JSON.stringify({ blob: asked }) })
  accepted.resolve({ id: 'task-1' })
  await settle()
  t.same([...(await jobs.blobs())], [asked])
  ended.resolve()
  await settle()
  // The second part has no outcome of its own yet, or the job would have ended.
  t.ok(submitted.length > 1)
  t.same([...(await jobs.blobs())].toSorted(), [given, asked].toSorted())
})
