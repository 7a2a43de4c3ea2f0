// How jobs end, with the store that they have and a dispatcher that does as it is told: what happens
// to them when the master stops, and when the disk is full.

import t from 'tap'
import type { Dispatcher } from '../../../master/dispatch/dispatcher.ts'
import { createOutputs } from '../../../master/dispatch/output-schemas.ts'
import type { NewJob } from '../../../master/jobs/job-admission.ts'
import { createJobs } from '../../../master/jobs/jobs.ts'
import type { JobStore } from '../../../master/store/jobs/job-store.ts'
import type { JobStores } from '../../../master/store/jobs/open.ts'
import { openHere } from '../../../master/store/jobs/open.ts'
import type { Store } from '../../../master/store/store.ts'
import { StoreFullError } from '../../../master/store/store.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import type { JobKind } from '../../../shared/kinds/job-kind.ts'
import { createLog } from '../../../shared/process/log.ts'
import { createSlices } from '../../../shared/process/time-slices.ts'
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
  together: 1,
  priority: 0,
  runLimitMs: 1000,
  tags: [],
  trace: null,
  idempotencyKey: null,
  requestHash: null,
  client: null,
}

type Over = {
  stores?: JobStores
  partsLoaded?: Dispatcher['partsLoaded']
  kind?: JobKind
  kinds?: ReadonlyMap<string, JobKind>
  /** The tasks of parts are no longer in the store. */
  removed?: boolean
  liveJobsMax?: number
  /** Of the first part; others have none. */
  outcome?: object
}

async function setUp({ partsLoaded = [], kind: its = kind, outcome, ...over }: Over = {}) {
  const clock = createSimulatedClock()
  const { stores = openHere({ path: ':memory:' }) } = over
  const jobStore = stores.jobs
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
    get: async () => (over.removed ? undefined : { ...part, startedAt: 0, endedAt: 1 }),
  } as unknown as Store
  const jobs = createJobs({
    kinds: over.kinds ?? new Map([['one', its]]),
    jobStore,
    blobs: { refer: async (job, sha256s) => void (await stores.blobs.refer(job, sha256s)) },
    loaded: await jobStore.load(),
    store,
    dispatcher,
    outputs: createOutputs(new Map()),
    clock,
    slices: createSlices(clock),
    jobIds: () => () => 'job-1',
    waitLimitMs: 1000,
    liveJobsMax: over.liveJobsMax ?? 10,
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
    begun.catch(() => {})
    await settle()
    return begun
  }
  const statusOf = async () => (await jobStore.get({ id: 'job-1' }))?.status
  return { clock, stores, jobs, cancelled, submitted, accepted, ended, settle, submit, statusOf }
}

t.test('a part that is accepted while the master stops runs on', async (t) => {
  const { jobs, statusOf, cancelled, accepted, settle, submit } = await setUp()
  await submit()
  await settle()
  jobs.close()
  accepted.resolve({ id: 'task-1' })
  await settle()
  t.same(cancelled, [], 'the next start of the master finds it')
  t.equal(await statusOf(), 'in progress')
})

t.test('a part that is accepted after its job was cancelled is cancelled', async (t) => {
  const { jobs, statusOf, cancelled, accepted, settle, submit } = await setUp()
  await submit()
  await settle()
  t.equal(await jobs.cancel('job-1'), true)
  accepted.resolve({ id: 'task-1' })
  await settle()
  t.same(cancelled, ['task-1'])
  t.equal(await statusOf(), 'cancelled')
})

t.test('an internal error ends its job and cancels the parts of that', async (t) => {
  const { accepted, ended, settle, submit, statusOf, cancelled } = await setUp({ removed: true })
  await submit()
  accepted.resolve({ id: 'task-1' })
  ended.resolve()
  await settle()
  t.equal(await statusOf(), 'failed')
  t.same(cancelled, ['task-1'])
})

/** The disk is full when jobs first end. */
function fullOnce(): JobStores {
  let full = true
  const stores = openHere({ path: ':memory:' })
  const end: JobStore['end'] = async (given) => {
    if (!full) return stores.jobs.end(given)
    full = false
    throw new StoreFullError('the disk is full')
  }
  return { ...stores, jobs: { ...stores.jobs, end } }
}

t.test('a job that ends on a full disk has ended once there is room', async (t) => {
  const stores = fullOnce()
  const { clock, accepted, ended, settle, submit, statusOf } = await setUp({ stores })
  await submit()
  accepted.resolve({ id: 'task-1' })
  ended.resolve()
  await settle()
  t.equal(await statusOf(), 'in progress')
  await clock.run({ until: 5_000 })
  await settle()
  t.match(await stores.jobs.get({ id: 'job-1' }), {
    status: 'done',
    outcome: '{"result":{"result":"all"}}',
  })
})

t.test('a job that cannot be cancelled, as the disk is full, goes on', async (t) => {
  const stores = fullOnce()
  const { jobs, accepted, ended, settle, cancelled, submit, statusOf } = await setUp({ stores })
  await submit()
  accepted.resolve({ id: 'task-1' })
  await settle()
  await t.rejects(jobs.cancel('job-1'), /the disk is full/)
  t.same(cancelled, [])
  ended.resolve()
  await settle()
  t.equal(await statusOf(), 'done')
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
  const first = await setUp()
  const { stores } = first
  await first.submit()
  await first.jobs.cancel('job-1')
  const ticket = (await stores.jobs.get({ id: 'job-1' }))?.ticket
  const partsLoaded = [
    { task: 'task-1', job: 'job-1', key: `part:${ticket}:0:0:0` },
    { task: 'task-2', job: 'job-1', key: 'part:of somebody who calls his tasks so' },
    { task: 'task-3', job: 'of no job', key: 'part:x:0:0:0' },
  ]
  const { jobs, cancelled } = await setUp({ stores, partsLoaded })
  await jobs.resume()
  t.same(cancelled, ['task-1'])
})

t.test(
  'a job of a kind that is unknown after a start fails, and its parts are cancelled',
  async (t) => {
    const first = await setUp()
    const { stores } = first
    await first.submit()
    first.jobs.close()
    const ticket = (await stores.jobs.get({ id: 'job-1' }))?.ticket
    const partsLoaded = [{ task: 'task-1', job: 'job-1', key: `part:${ticket}:0:0:0` }]
    const { jobs, cancelled, settle, statusOf } = await setUp({
      stores,
      partsLoaded,
      kinds: new Map(),
    })
    await jobs.resume()
    await settle()
    t.equal(await statusOf(), 'failed')
    t.same(cancelled, ['task-1'])
  },
)

t.test('a job that had not ended goes on with the next start, and ends', async (t) => {
  const first = await setUp()
  await first.submit()
  first.jobs.close()
  const { jobs, submitted, accepted, ended, settle, statusOf } = await setUp({
    stores: first.stores,
  })
  await jobs.resume()
  await settle()
  t.same(submitted, first.submitted, 'the same part, by the same key')
  t.ok(jobs.isLive('job-1'))
  accepted.resolve({ id: 'task-1' })
  ended.resolve()
  await settle()
  t.equal(await statusOf(), 'done')
})

t.test('a job that is cancelled while the master stops is cancelled', async (t) => {
  const { jobs, statusOf, accepted, settle, cancelled, submit } = await setUp()
  await submit()
  accepted.resolve({ id: 'task-1' })
  await settle()
  const cancelling = jobs.cancel('job-1')
  jobs.close()
  t.equal(await cancelling, true)
  t.equal(await statusOf(), 'cancelled')
  t.same(cancelled, ['task-1'])
})

t.test('a job uses the blobs that its parts gave, and those of its input', async (t) => {
  const names = ['a', 'b', 'c'].map((letter) => letter.repeat(64))
  const [given, asked, other] = names
  const files = [
    { name: 'f', bytes: 1, sha256: given },
    { name: 'kept by its slave', bytes: 1, sha256: other, url: 'http://slave/f' },
  ]
  const outcome = { status: 'done', result: 1, files }
  const two: JobKind = {
    ...kind,
    stages: [...kind.stages, { name: 'more', parts: () => [{ kind: 'work', input: 2 }] }],
  }
  const { stores, accepted, ended, settle, submitted, submit } = await setUp({ kind: two, outcome })
  for (const sha256 of names) {
    await stores.blobs.put({ sha256, bytes: 1, type: '' }, null, wallTime(1))
  }
  await submit({ ...job, input: JSON.stringify({ blob: asked }) })
  accepted.resolve({ id: 'task-1' })
  await settle()
  const unused = () => stores.blobs.unused(wallTime(2), '')
  t.same(await unused(), [given, other])
  ended.resolve()
  await settle()
  // The second part has no outcome of its own yet, or the job would have ended.
  t.ok(submitted.length > 1)
  t.same(await unused(), [other])
})

t.test('a job whose end is being written takes no step, and goes on when that fails', async (t) => {
  const stores = openHere({ path: ':memory:' })
  const writes: PromiseWithResolvers<void>[] = []
  const end: JobStore['end'] = (given) => {
    const write = Promise.withResolvers<void>()
    writes.push(write)
    return write.promise.then(() => stores.jobs.end(given))
  }
  const slow = { ...stores, jobs: { ...stores.jobs, end } }
  const { jobs, accepted, ended, settle, submit, statusOf } = await setUp({ stores: slow })
  await submit()
  accepted.resolve({ id: 'task-1' })
  await settle()
  const cancelling = jobs.cancel('job-1')
  const again = jobs.cancel('job-1')
  ended.resolve()
  await settle()
  t.equal(writes.length, 1, 'the result of its part waits, and so does another who cancels it')
  t.ok(jobs.isLive('job-1'), 'nobody is told before it is written')
  writes[0]?.reject(new StoreFullError('the disk is full'))
  await t.rejects(cancelling, /the disk is full/)
  await settle()
  writes[1]?.resolve()
  t.equal(await again, true)
  await settle()
  t.equal(writes.length, 2, 'it has ended: the result of its part changes nothing')
  t.equal(await statusOf(), 'cancelled')
})

t.test('jobs that are being stored count as live', async (t) => {
  const stores = openHere({ path: ':memory:' })
  const stored = Promise.withResolvers<void>()
  const insert: JobStore['insert'] = (...given) =>
    stored.promise.then(() => stores.jobs.insert(...given))
  const slow = { ...stores, jobs: { ...stores.jobs, insert } }
  const { jobs, settle } = await setUp({ stores: slow, liveJobsMax: 1 })
  const first = jobs.submit(job)
  await settle()
  t.notOk(jobs.isLive('job-1'), 'not before it is durable')
  await t.rejects(jobs.submit(job), /--live-jobs-max/)
  stored.resolve()
  await settle()
  t.same(await first, { id: 'job-1', isRepeated: false })
  t.ok(jobs.isLive('job-1'))
})

t.test('a job that the disk has no room for is refused, and its place is free again', async (t) => {
  const stores = openHere({ path: ':memory:' })
  let full = true
  const insert: JobStore['insert'] = async (...given) => {
    if (full) throw new StoreFullError('the disk is full')
    return stores.jobs.insert(...given)
  }
  const { jobs, submit } = await setUp({
    stores: { ...stores, jobs: { ...stores.jobs, insert } },
    liveJobsMax: 1,
  })
  await t.rejects(submit(), /the disk is full; accepted tasks and jobs are safe/)
  t.notOk(jobs.isLive('job-1'))
  full = false
  t.same(await submit(), { id: 'job-1', isRepeated: false })
})

t.test('the same key twice begins one job, and another body is refused', async (t) => {
  const { jobs, submit } = await setUp()
  const keyed = { ...job, idempotencyKey: 'key', requestHash: 'one' }
  const [first, second] = await Promise.all([submit(keyed), submit(keyed)])
  t.same(first, { id: 'job-1', isRepeated: false })
  t.same(second, { id: 'job-1', isRepeated: true })
  t.equal(await jobs.repeated(keyed), 'job-1')
  const other = { ...keyed, requestHash: 'two' }
  await t.rejects(jobs.repeated(other), /was used before with another body/)
  await t.rejects(submit(other), /was used before with another body/)
})
