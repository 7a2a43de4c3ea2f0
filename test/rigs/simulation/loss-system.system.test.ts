import fc from 'fast-check'
import t from 'tap'
import type { Random } from '../../../shared/data/random.ts'
import type { LossSystem } from './loss-system.ts'
import { runLossSystem } from './loss-system.ts'

const SERVICES: Record<string, (random: Random) => number> = {
  constant: () => 1,
  exponential: (random) => random.exponential(1),
  'strongly varying': (random) => random.hyperexponential(1, 10),
}

const system = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  slaves: fc.integer({ min: 1, max: 40 }),
  load: fc.double({ min: 0.2, max: 1.5, noNaN: true }),
  service: fc.constantFrom(...Object.keys(SERVICES)),
})

const run = (given: Partial<LossSystem> & Pick<LossSystem, 'seed' | 'slaves' | 'offeredLoad'>) =>
  runLossSystem({
    service: (random) => random.exponential(1),
    ask: 'known',
    tasks: 400,
    batches: 2,
    ...given,
  })

t.test('asking every time and asking only who may be free choose the same slaves', async (t) => {
  await fc.assert(
    fc.asyncProperty(system, async ({ seed, slaves, load, service }) => {
      const given = { seed, slaves, offeredLoad: slaves * load, service: SERVICES[service]! }
      const always = await run({ ...given, ask: 'always' })
      const known = await run({ ...given, ask: 'known' })
      return JSON.stringify(always.choices) === JSON.stringify(known.choices)
    }),
    { numRuns: 40 },
  )
  t.pass('in 40 systems of up to 40 slaves')
})

t.test('the same seed gives the same run, another seed another', async (t) => {
  const given = { slaves: 5, offeredLoad: 4 }
  const first = await run({ ...given, seed: 7 })
  t.same(await run({ ...given, seed: 7 }), first)
  t.notSame((await run({ ...given, seed: 8 })).choices, first.choices)
})

t.test('with known slaves left out, only slaves that take the task are asked', async (t) => {
  const { batches } = await run({ seed: 3, slaves: 10, offeredLoad: 8 })
  for (const { asks, tasks, refused } of batches) t.ok(Math.abs(asks - (tasks - refused)) <= 1)
})
