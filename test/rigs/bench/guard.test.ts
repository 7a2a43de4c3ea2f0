// The guard of the bench: what counts as slower.

import t from 'tap'
import { ratiosToPrototype, regressions } from './guard.ts'

const figures = (cpu: Record<string, number>) => ({
  cpuPerTask: Object.fromEntries(Object.entries(cpu).map(([name, median]) => [name, { median }])),
})

t.test('ratios are of the master, and of the slave with its executors', async (t) => {
  const askfirst = figures({ master: 150, slave: 60, executors: 40, load: 20 })
  const prototype = figures({ master: 100, slave: 50 })
  t.same(ratiosToPrototype({ single: { askfirst, prototype }, one: { askfirst } }), {
    single: { master: 1.5, slave: 2 },
  })
})

t.test('a ratio may grow by 30 percent and no further', async (t) => {
  const accepted = { single: { master: 1, slave: 2 }, batch: { master: 3, slave: 1 } }
  t.same(regressions(accepted, accepted), [])
  t.same(regressions({ ...accepted, single: { master: 1.3, slave: 2.6 } }, accepted), [])
  t.same(regressions({ ...accepted, single: { master: 1.31, slave: 0.5 } }, accepted), [
    'single: the master takes 1.31 x the prototype; accepted 1',
  ])
  t.same(regressions({ single: accepted.single }, accepted), ['batch: was not measured'])
})
