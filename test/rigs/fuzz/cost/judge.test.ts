import t from 'tap'
import { judge, longestStep } from './judge.ts'

t.test('a call that is charged for its time is not blamed, however long it takes', async (t) => {
  t.equal(judge(undefined, { n: 16, cpuMs: 900, steps: 4e6 }), undefined)
  const before = { n: 1_024, cpuMs: 10, steps: 20_000 }
  t.equal(judge(before, { n: 4_096, cpuMs: 160, steps: 320_000 }), undefined)
})

t.test('a call whose time grows faster than its charge is blamed', async (t) => {
  const before = { n: 1_024, cpuMs: 3, steps: 8_000 }
  t.match(judge(before, { n: 4_096, cpuMs: 60, steps: 32_000 }), { why: 'growth', factor: 5 })
})

t.test('a call that costs too much for each step is blamed from the first size', async (t) => {
  t.match(judge(undefined, { n: 16, cpuMs: 18, steps: 30 }), { why: 'rate' })
})

t.test('a tiny time and a call that throws once are not blamed', async (t) => {
  t.equal(judge(undefined, { n: 16, cpuMs: 0.3, steps: 1 }), undefined)
  t.equal(judge(undefined, { n: 16, cpuMs: 50, steps: 1, isThrown: true }), undefined)
  t.match(judge(undefined, { n: 16, cpuMs: 2_000, steps: 1, isThrown: true }), { why: 'error' })
})

t.test('a step is too long by CPU time, or by time that the machine did not take', async (t) => {
  const short = { cpuMs: 150, wallMs: 180, queuedMs: 900 }
  t.match(longestStep([short], 0), { ...short, isTooLong: false })
  t.match(longestStep([short, { ...short, cpuMs: 210 }], 0), { cpuMs: 210, isTooLong: true })
  t.match(longestStep([short, { ...short, wallMs: 900 }], 100), { wallMs: 800, isTooLong: true })
  t.match(longestStep([short, { ...short, wallMs: 900 }], 750), { isTooLong: false })
  t.match(longestStep([], 0), { cpuMs: 0, wallMs: 0, isTooLong: false })
})
