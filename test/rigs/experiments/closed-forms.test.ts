// The closed forms against figures that others printed: test/fixtures/figures.json. Its sources are
// the ITU Erlang B table (as carried by the test data of the Perl module Math-Telephony-ErlangB),
// Wolfram's ErlangB examples, and Karp and Flatt's tables as printed in Quinn's textbook. Those of
// the Sparrow paper and of two policies (idleFirst, shortestQueue) come from simulators and have no
// closed form, so they are not here but in the experiments.

import type { Test } from 'tap'
import { test } from 'tap'
import figures from '../../fixtures/figures.json' with { type: 'json' }
import {
  amdahl,
  erlangB,
  erlangC,
  gustafson,
  karpFlatt,
  makespan,
  meanAsks,
  meanAsksOfTaken,
  meanWait,
  offeredLoad,
  orderedLoads,
  orderedSpeeds,
  refusedWithDelay,
  responseQueued,
  responseRandom,
  responseTwoChoices,
} from './closed-forms.ts'

/**
 * Two printed figures whose last digit is one off: exact rational arithmetic gives the value beside.
 */
const MISPRINTS = new Map([
  [0.76212, 0.7621147], // offered load of 5 slaves that refuse 0.001
  [0.04636, 0.0463547], // refused by 100 slaves at 90 with a delay of 5 %
])

/** Whether `value`, rounded where `printed` ends, is `printed`. */
function agrees(value: number, printed: number): boolean {
  const exact = MISPRINTS.get(printed)
  if (exact !== undefined) return Math.abs(value - exact) < unitOf(exact)
  return Math.abs(value - printed) <= unitOf(printed) * (0.5 + 1e-9)
}

/** The unit of the last digit that is printed: 0.001 of 3.092, 1e-26 of 2e-26. */
function unitOf(printed: number): number {
  const [digits, exponent] = String(printed).split('e') as [string, string | undefined]
  const decimals = digits.split('.')[1]?.length ?? 0
  return 10 ** (Number(exponent ?? 0) - decimals)
}

/** Asserts it of one figure or of a list of them. */
function checks(t: Test, value: number | number[], printed: number | number[], name: string) {
  const values = [value].flat()
  const wanted = [printed].flat()
  t.equal(values.length, wanted.length, `${name}: ${wanted.length} figures`)
  const wrong = values.flatMap((value, i) =>
    agrees(value, wanted[i]!) ? [] : [{ value, printed: wanted[i] }],
  )
  t.same(wrong, [], name)
}

test('reads the printed digits of a figure', async (t) => {
  t.ok(agrees(0.0100049, 0.01))
  t.notOk(agrees(0.0161, 0.01))
  t.ok(agrees(75.2419827, 75.242))
  t.notOk(agrees(75.2426, 75.242))
  t.ok(agrees(2.0916e-26, 2e-26))
  t.notOk(agrees(2.6e-26, 2e-26))
})

test('offers the loads of the ITU table', async (t) => {
  const { p, rows } = figures.erlangB_offeredLoad
  for (const [c, row] of Object.entries(rows)) {
    checks(
      t,
      p.map((share) => offeredLoad(Number(c), share)),
      row,
      `${c} slaves`,
    )
  }
})

test('refuses, loads and asks as ordered asking does', async (t) => {
  for (const { c, a, refused, load, lastLoad, asks } of figures.orderedAsking) {
    checks(t, erlangB(c, a), refused, `refused by ${c}`)
    checks(t, meanAsks(c, a), asks, `asks of ${c}`)
    const loads = orderedLoads(c, a)
    if (load) checks(t, loads, load, `loads of ${c}`)
    if (lastLoad) checks(t, loads.at(-1)!, lastLoad, `last load of ${c}`)
  }
})

test('refuses a little more when what is known of a slave is late', async (t) => {
  for (const { c, a, delayShareOfService, refused } of figures.knownBusySkipped) {
    checks(t, refusedWithDelay(c, a, 1, delayShareOfService), refused, `${c}, ${a}`)
    checks(t, refusedWithDelay(c, a / 7, 7, 7 * delayShareOfService), refused, 'in other units')
  }
})

test('waits in the queue as Erlang C says', async (t) => {
  for (const { c, a, waits, meanWaitShareOfService } of figures.queued) {
    checks(t, erlangC(c, a), waits, `share that waits, ${c}, ${a}`)
    checks(t, meanWait(c, a, 1), meanWaitShareOfService, `mean wait, ${c}, ${a}`)
    checks(t, meanWait(c, a, 60) / 60, meanWaitShareOfService, 'in other units')
  }
  t.equal(erlangC(2, 2), 1)
  t.equal(meanWait(2, 2, 1), Number.POSITIVE_INFINITY)
})

test('refuses and asks as slaves of different speeds do', async (t) => {
  for (const { tasksPerService, speedsInAskingOrder, refused, asks } of figures.differentSpeeds) {
    const figure = orderedSpeeds(tasksPerService, speedsInAskingOrder)
    checks(t, figure.refused, refused, speedsInAskingOrder.join(' '))
    checks(t, figure.asks, asks, 'asks')
    const served = figure.load.reduce((sum, load, i) => sum + load * speedsInAskingOrder[i]!, 0)
    t.ok(Math.abs(served - tasksPerService * (1 - figure.refused)) < 1e-9, 'serves what it takes')
  }
})

test('gives the loads of ordered asking when all speeds are equal', async (t) => {
  for (const { c, a } of [
    { c: 1, a: 0.5 },
    { c: 5, a: 3 },
    { c: 8, a: 12 },
  ]) {
    const figure = orderedSpeeds(a, Array(c).fill(1))
    const loads = orderedLoads(c, a)
    t.ok(Math.abs(figure.refused - erlangB(c, a)) < 1e-9)
    t.ok(Math.abs(figure.asks - meanAsks(c, a)) < 1e-9)
    t.ok(figure.load.every((load, i) => Math.abs(load - loads[i]!) < 1e-9))
  }
  t.throws(() => orderedSpeeds(1, Array(13).fill(1)), /at most 12/)
})

test('finds the serial share of Karp and Flatt', async (t) => {
  // The speed-ups are rounded too, so a printed e is right when some speed-up that is printed so
  // gives it. The tables have two decimals and three; JSON has dropped their last zeros.
  const half = [0.005, 0.0005]
  figures.karpFlatt.forEach(({ slaves, speedup, e }, table) => {
    const wrong = slaves.filter((p, i) => {
      const most = karpFlatt(speedup[i]! - 0.005, p)
      const least = karpFlatt(speedup[i]! + 0.005, p)
      return least > e[i]! + half[table]! || most < e[i]! - half[table]!
    })
    t.same(wrong, [], `table ${table + 1}`)
  })
})

test('answers as fast as the known forms of one dispatcher say', async (t) => {
  const { c, queueAtMaster, twoChoicesLimit, random } = figures.meanResponseOneDispatcher
  checks(
    t,
    c.map((slaves) => responseQueued(slaves, 0.9)),
    queueAtMaster,
    'queue at the master',
  )
  checks(t, responseTwoChoices(0.9), twoChoicesLimit, 'two choices')
  checks(t, responseRandom(0.9), random, 'random')
})

test('keeps the identities that tie the forms together', async (t) => {
  for (const [c, a] of [
    [1, 0.1],
    [5, 3],
    [10, 8],
    [100, 90],
    [300, 900],
  ] as const) {
    const carried = orderedLoads(c, a).reduce((sum, load) => sum + load, 0)
    t.ok(Math.abs(carried / (a * (1 - erlangB(c, a))) - 1) < 1e-10, `load carried by ${c} of ${a}`)
    const asks = (1 - erlangB(c, a)) * meanAsksOfTaken(c, a) + erlangB(c, a) * c
    t.ok(Math.abs(asks / meanAsks(c, a) - 1) < 1e-10, `asks of ${c} at ${a}`)
    t.ok(Math.abs(offeredLoad(c, erlangB(c, a)) / a - 1) < 1e-9, `inverse of B at ${c}, ${a}`)
  }
  for (const p of [2, 8, 64]) {
    t.ok(Math.abs(karpFlatt(amdahl(0.1, p), p) - 0.1) < 1e-12, 'Karp and Flatt undo Amdahl')
    // The share f of the parallel run is the share f / (f + (1-f) p) of the serial one.
    t.ok(Math.abs(gustafson(0.1, p) - amdahl(0.1 / (0.1 + 0.9 * p), p)) < 1e-9)
  }
  t.equal(makespan(1, 7), 7)
  t.ok(Math.abs(makespan(4, 12) - 25) < 1e-12)
})
