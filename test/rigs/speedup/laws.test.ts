// Amdahl and Karp-Flatt give back the serial fraction that the times were made of.

import t from 'tap'
import { fitAmdahl, pointsOf } from './laws.ts'

const timesFor = (serial: number, slaves: number): number => 1000 * (serial + (1 - serial) / slaves)
const runsOf = (serial: number, list: number[]) =>
  list.map((slaves) => ({ slaves, ms: [timesFor(serial, slaves)] }))

t.test('times made by the law give its serial fraction back', async (t) => {
  for (const serial of [0, 0.05, 0.3, 1]) {
    const points = pointsOf(runsOf(serial, [4, 1, 2, 3]))
    t.same(
      points.map(({ slaves }) => slaves),
      [1, 2, 3, 4],
    )
    const fit = fitAmdahl(points)
    t.ok(Math.abs((fit?.serial ?? -1) - serial) < 1e-9, `serial ${serial}`)
    t.ok((fit?.worst ?? 1) < 1e-9)
    for (const { karpFlatt } of points.slice(1)) t.ok(Math.abs((karpFlatt ?? -1) - serial) < 1e-9)
  }
})

t.test('overhead that grows with the slaves shows as a growing Karp-Flatt fraction', async (t) => {
  const runs = [1, 2, 4, 8].map((slaves) => ({ slaves, ms: [1000 / slaves + 10 * slaves] }))
  const fractions = pointsOf(runs).flatMap(({ karpFlatt }) => karpFlatt ?? [])
  t.same(
    fractions,
    fractions.toSorted((a, b) => a - b),
  )
})

t.test('the spread of a speed-up is that of the runs', async (t) => {
  const [, two] = pointsOf([
    { slaves: 1, ms: [90, 100, 110] },
    { slaves: 2, ms: [60, 50, 45] },
  ])
  t.match(two, { speedup: 2, speedupLeast: 1.5, speedupMost: 110 / 45 })
})

t.test('fewer than three numbers of slaves are not fitted', async (t) => {
  t.equal(fitAmdahl(pointsOf(runsOf(0.1, [1, 2]))), null)
})

t.test('without runs of one slave there is no speed-up', async (t) => {
  t.throws(() => pointsOf(runsOf(0.1, [2, 3])), /one slave/)
})
