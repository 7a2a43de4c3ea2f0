import fc from 'fast-check'
import { test } from 'tap'
import { Bitset } from '../../../shared/data/bitset.ts'

const flags = fc.array(fc.boolean(), { maxLength: 200, size: 'max' })
const sparse = fc
  .array(fc.nat(400), { maxLength: 6 })
  .map((at) => Array.from({ length: 401 }, (_, i) => at.includes(i)))
const list = fc.oneof(flags, sparse)

const setOf = (list: boolean[]): Bitset => {
  const set = new Bitset(1)
  list.forEach((on, i) => {
    if (on) set.set(i)
  })
  return set
}

test('holds what a list of booleans holds, whatever is set and cleared', async (t) => {
  const steps = fc.array(fc.tuple(fc.nat(300), fc.boolean()), { maxLength: 300, size: 'max' })
  fc.assert(
    fc.property(steps, (all) => {
      const set = new Bitset()
      const model: boolean[] = Array(400).fill(false)
      for (const [index, on] of all) {
        if (on) set.set(index)
        else set.clear(index)
        model[index] = on
      }
      return (
        model.every((on, i) => set.has(i) === on) &&
        set.count() === model.filter((on) => on).length &&
        !set.has(100_000)
      )
    }),
  )
  t.pass('random histories')
})

test('finds the next number as a search of a list of booleans does', async (t) => {
  fc.assert(
    fc.property(list, fc.nat(450), (on, from) => {
      return setOf(on).next(from) === on.findIndex((is, i) => is && i >= from)
    }),
    { numRuns: 500 },
  )
  t.pass('random sets')
})

test('finds the next number of one set, also in a second, not in a third', async (t) => {
  const some = fc.option(list, { nil: undefined })
  fc.assert(
    fc.property(list, some, some, fc.nat(450), (a, also, not, from) => {
      const expected = a.findIndex(
        (is, i) => i >= from && is && (also?.[i] ?? also === undefined) && !not?.[i],
      )
      const found = Bitset.nextOf(setOf(a), also && setOf(also), not && setOf(not), from)
      return found === expected
    }),
    { numRuns: 2000 },
  )
  t.pass('random sets')
})

test('refuses an index that is negative, no whole number, or too large', async (t) => {
  const set = new Bitset()
  for (const index of [-1, 1.5, Number.NaN, 2 ** 31]) {
    t.throws(() => set.set(index), /whole number/, String(index))
  }
  t.equal(set.count(), 0)
})
