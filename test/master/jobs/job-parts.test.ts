// The tasks that parts are: one that an earlier start of the master made is used again, unless it was
// made for another input.

import t from 'tap'
import type { PartState } from '../../../master/core/job.ts'
import { partKey } from '../../../master/core/part-names.ts'
import type { Dispatcher } from '../../../master/dispatch/dispatcher.ts'
import type { Submission } from '../../../master/dispatch/pending-requests.ts'
import { createJobMemory } from '../../../master/jobs/job-memory.ts'
import { createPartTasks } from '../../../master/jobs/job-parts.ts'
import type { JobRecord } from '../../../master/store/jobs/job-store.ts'
import type { Store } from '../../../master/store/store.ts'
import { createLog } from '../../../shared/process/log.ts'
import { createSlices } from '../../../shared/process/time-slices.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'

const job = { id: 'job-1', ticket: 'ticket', trace: null, client: null } as JobRecord
const part = { stage: 0, index: 3, round: 0, spec: { kind: 'work', input: { from: 1, to: 5 } } }
const round = { do: 'submit' as const, part: part as PartState, round: 0, files: [] }
const KEY = partKey(job.ticket, part, 0)

/** A store that has these tasks by their keys. */
async function setUp(tasks: Record<string, { id: string; input: string }>, full = 0) {
  const clock = createSimulatedClock()
  const submitted: Submission[] = []
  const cancelled: string[] = []
  let refusals = full
  const partTasks = createPartTasks({
    store: {
      find: async (key: string) => tasks[key],
      get: async (id: string) => Object.values(tasks).find((task) => task.id === id),
    } as unknown as Store,
    dispatcher: {
      submit: async (submission: Submission) => {
        if (refusals-- > 0) throw new Problem('queue-full', 'full')
        submitted.push(submission)
        return { id: 'new' }
      },
      cancel: async (id: string) => cancelled.push(id) > 0,
    } as unknown as Dispatcher,
    clock,
    slices: createSlices(clock),
    room: createJobMemory(1_000_000),
    waitLimitMs: 1_000,
    log: await createLog('test', 'silent'),
  })
  const submit = async (isWanted = () => true, number = 0) => {
    let task: string | null | undefined
    const asked = { ...round, round: number }
    void partTasks.submit(job, asked, isWanted).then((given) => {
      task = given
    })
    for (let turn = 0; task === undefined && turn < 50; turn++) {
      await clock.run({ until: clock.now() + 100 })
      await new Promise((resolve) => setImmediate(resolve))
    }
    return task
  }
  return { submit, submitted, cancelled }
}

t.test('a part is queued under its key', async (t) => {
  const { submit, submitted } = await setUp({})
  t.equal(await submit(), 'new')
  t.match(submitted, [{ idempotencyKey: KEY, input: '{"from":1,"to":5}', queue: true }])
})

t.test('the task that the start before made of a part is its task', async (t) => {
  const before = { id: 'old', input: '{"from":1,"to":5}' }
  const { submit, submitted, cancelled } = await setUp({ [KEY]: before })
  t.equal(await submit(), 'old')
  t.same(submitted, [])
  t.same(cancelled, [])
})

t.test(
  'a part that is begun again has a task of its own, which the next start finds',
  async (t) => {
    const before = { id: 'round 0', input: '{"from":1,"to":5}' }
    const { submit, submitted } = await setUp({ [KEY]: before })
    t.equal(await submit(() => true, 1), 'new', 'the task of round 0 has ended without its files')
    const key = submitted[0]?.idempotencyKey as string
    const next = await setUp({ [KEY]: before, [key]: { ...before, id: 'round 1' } })
    t.equal(await next.submit(() => true, 1), 'round 1')
    t.equal(await next.submit(() => true, 0), 'round 0')
    t.same(next.submitted, [])
  },
)

t.test(
  'a task that an earlier version cut otherwise is cancelled, and its outcome not used',
  async (t) => {
    const before = { id: 'old', input: '{"from":1,"to":9}' }
    const { submit, submitted, cancelled } = await setUp({ [KEY]: before })
    t.equal(await submit(), 'new')
    t.same(cancelled, ['old'])
    t.equal(submitted.length, 1)
    const key = submitted[0]?.idempotencyKey as string
    t.not(key, KEY)

    const next = await setUp({ [KEY]: before })
    await next.submit()
    t.equal(
      next.submitted[0]?.idempotencyKey,
      key,
      'the next start finds the new one by the same key',
    )
  },
)

t.test('a part that finds the queue full is tried again, while it is wanted', async (t) => {
  const { submit, submitted } = await setUp({}, 3)
  t.equal(await submit(), 'new')
  t.equal(submitted.length, 1)
  let wanted = true
  const other = await setUp({}, 1_000)
  setImmediate(() => {
    wanted = false
  })
  t.equal(await other.submit(() => wanted), null)
  t.same(other.submitted, [])
})

t.test('an outcome that comes after the end of its job takes no memory', async (t) => {
  const clock = createSimulatedClock()
  const room = createJobMemory(1_000_000)
  let isWanted = true
  const record = { endedAt: 1, outcome: '{"status":"done","result":1}' }
  const partTasks = createPartTasks({
    store: {
      get: async () => {
        isWanted = false
        return record
      },
    } as unknown as Store,
    dispatcher: { wait: async () => {}, isDraining: false } as unknown as Dispatcher,
    clock,
    slices: createSlices(clock),
    room,
    waitLimitMs: 1_000,
    log: await createLog('test', 'silent'),
  })
  let ended: unknown
  void partTasks
    .ended('job-1', 'task-1', () => isWanted)
    .then((given) => {
      ended = given
    })
  for (let turn = 0; ended === undefined && turn < 50; turn++) {
    await clock.run({ until: clock.now() })
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal(ended, null)
  t.equal(room.bytes, 0)
})
