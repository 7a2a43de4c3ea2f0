// Who waits for the end of a job, and until when.

import t from 'tap'
import { createLiveJobs } from '../../../master/jobs/live-jobs.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'
import { aJob } from '../store/records.ts'

async function setUp() {
  const clock = createSimulatedClock()
  const jobs = createLiveJobs(clock)
  const job = jobs.add(aJob())
  /** Waits, and says whether that is over. */
  const waiter = (waitMs: number, gone?: AbortSignal, id = job.record.id) => {
    const state = { isOver: false }
    void jobs.wait(id, waitMs, gone).then(() => (state.isOver = true))
    return state
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const pass = async (ms: number): Promise<void> => {
    await clock.run({ until: clock.now() + ms })
    await turn()
  }
  return { jobs, job, waiter, turn, pass }
}

t.test('all who wait for a job go on when it has ended', async (t) => {
  const { jobs, job, waiter, turn, pass } = await setUp()
  const [one, two] = [waiter(1_000), waiter(2_000, new AbortController().signal)]
  await turn()
  t.notOk(one.isOver || two.isOver)
  jobs.remove(job)
  await turn()
  t.ok(one.isOver && two.isOver)
  t.equal(job.waiting.size, 0)
  t.notOk(jobs.has(job.record.id))
  await pass(5_000)
  t.equal(jobs.size, 0)
})

t.test('one who waits goes on when the time is over, and no other does', async (t) => {
  const { job, waiter, pass } = await setUp()
  const [one, two] = [waiter(1_000), waiter(2_000)]
  await pass(999)
  t.notOk(one.isOver)
  await pass(1)
  t.ok(one.isOver)
  t.notOk(two.isOver)
  t.equal(job.waiting.size, 1)
})

t.test('one who is gone waits no longer, and leaves nothing behind', async (t) => {
  const { job, waiter, turn } = await setUp()
  const gone = new AbortController()
  const [one, other] = [waiter(1_000, gone.signal), waiter(1_000)]
  gone.abort()
  await turn()
  t.ok(one.isOver)
  t.notOk(other.isOver)
  t.equal(job.waiting.size, 1)
})

t.test('nobody waits for what has ended, for no time, or who is gone', async (t) => {
  const { job, waiter, turn } = await setUp()
  const gone = new AbortController()
  gone.abort()
  const all = [waiter(1_000, undefined, 'no job'), waiter(0), waiter(-1), waiter(1, gone.signal)]
  await turn()
  t.same(
    all.map(({ isOver }) => isOver),
    [true, true, true, true],
  )
  t.equal(job.waiting.size, 0)
})

t.test('nobody waits once the master stops', async (t) => {
  const { jobs, job, waiter, turn } = await setUp()
  const before = waiter(1_000)
  t.notOk(jobs.isClosed)
  jobs.close()
  t.ok(jobs.isClosed)
  const after = waiter(1_000)
  await turn()
  t.ok(before.isOver && after.isOver)
  t.equal(job.waiting.size, 0)
  t.equal(jobs.get(job.record.id), job, 'the job goes on with the next start')
})
