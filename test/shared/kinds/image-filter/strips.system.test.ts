// Every number of strips, for one filter that looks at a pixel and one that looks at its neighbours.
// (filters.test.ts tries every number for every filter, without files.)

import t from 'tap'
import { isWhole } from './strips.ts'

for (const filter of ['sepia', 'blur']) {
  t.test(`${filter} in 1 to 16 strips is ${filter} of the whole`, async (t) => {
    const numbers = Array.from({ length: 16 }, (_, i) => i + 1)
    await isWhole(t, filter, numbers)
  })
}
