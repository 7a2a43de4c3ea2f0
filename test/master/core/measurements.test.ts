import t from 'tap'
import {
  createFigures,
  noteFailure,
  noteFree,
  noteTold,
} from '../../../master/core/measurements.ts'
import type { Family } from '../../../shared/data/histogram.ts'
import {
  createHistogram,
  OTHER,
  observe,
  observeOf,
  WORDS_MAX,
} from '../../../shared/data/histogram.ts'
import { instant } from '../../instants.ts'

t.test('counts a value where it lies, its bound included', async (t) => {
  const histogram = createHistogram([1, 10])
  for (const value of [0.5, 1, 1.5, 10, 11, 1000]) observe(histogram, value)
  t.same(histogram.counts, [2, 2, 2])
  t.equal(histogram.sum, 1024)
})

t.test('tells only so many words apart', async (t) => {
  const family: Family = new Map()
  for (let i = 0; i < 3 * WORDS_MAX; i++) observeOf(family, `kind-${i}`, [1], 1)
  t.equal(family.size, WORDS_MAX + 1)
  t.same(family.get(OTHER)?.counts, [2 * WORDS_MAX, 0])
  const figures = createFigures()
  for (const type of ['time-limit', 'my own', 'another']) noteFailure(figures, type)
  t.match(figures.failed, { 'time-limit': 1, other: 2 })
})

t.test('holds each Retry-After against the slot that it spoke of', async (t) => {
  const figures = createFigures()
  noteTold(figures, 'sleep', 5_000)
  noteTold(figures, 'sleep', 8_000)
  noteTold(figures, 'expression', 9_000)
  noteFree(figures, ['expression'], instant(1_000))
  t.equal(figures.retryAfterErrorMs.sum, 8_000, 'told 8 s too late')
  noteFree(figures, ['sleep', 'expression'], instant(6_000))
  noteFree(figures, ['sleep', 'expression'], instant(8_000))
  noteFree(figures, ['sleep', 'expression'], instant(9_000))
  t.equal(figures.retryAfterErrorMs.sum, 8_000 - 1_000 + 0)
  t.equal(
    figures.retryAfterErrorMs.counts.reduce((a, b) => a + b),
    3,
    'a slot that nobody was told of is none',
  )
  t.equal(figures.told.size, 0)
})

t.test('remembers only so many that were told', async (t) => {
  const figures = createFigures()
  for (let i = 0; i < 5_000; i++) noteTold(figures, 'sleep', i)
  t.equal(figures.told.get('sleep')?.length, 1_024)
})
