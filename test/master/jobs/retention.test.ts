// When old jobs and unused blobs are removed.

import t from 'tap'
import { createJobRetention, sweepEveryMs } from '../../../master/jobs/retention.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'

t.test('removes jobs that ended long ago until none is left, and looks each time', async (t) => {
  const clock = createSimulatedClock(50_000)
  const trims: unknown[] = []
  const left = [2, 1]
  const retention = createJobRetention({
    jobStore: {
      trim: async (endedBefore) => {
        trims.push(endedBefore)
        return left.shift() ?? 0
      },
    },
    blobs: { sweep: async () => 0 },
    clock,
    keepMs: 10_000,
    blobKeepMs: 1_000_000,
  })
  await retention.run()
  t.same(trims, [40_000, 40_000, 40_000])
  await retention.run()
  t.same(trims.length, 4)
})

t.test('looks for unused blobs a hundred times in the time that they are kept', async (t) => {
  const clock = createSimulatedClock(50_000)
  const sweeps: unknown[] = []
  const retention = createJobRetention({
    jobStore: { trim: async () => 0 },
    blobs: {
      sweep: async (before) => {
        sweeps.push(before)
        return 0
      },
    },
    clock,
    keepMs: 1,
    blobKeepMs: 20_000,
  })
  t.equal(sweepEveryMs(20_000), 200)
  await retention.run()
  t.same(sweeps, [30_000], 'at once after a start')
  await clock.run({ until: 50_199 })
  await retention.run()
  t.same(sweeps, [30_000])
  await clock.run({ until: 50_200 })
  await retention.run()
  t.same(sweeps, [30_000, 30_200])
  await retention.run()
  t.equal(sweeps.length, 2)
})
