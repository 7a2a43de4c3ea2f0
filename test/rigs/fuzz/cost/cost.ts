// The cost mode: looks by itself for inputs that cost more than their charge. Functions and texts of
// expressions are measured in this process, jobs and lists at a master of its own.
//
//   npm run fuzz -- --cost              every function, a thousand jobs
//   npm run fuzz -- --cost --short      some of them, within a minute of CPU time
//   npm run fuzz -- --cost --calls det,compare    these functions alone

import { parseArgs } from 'node:util'
import { createRandom } from '../../../../shared/data/random.ts'
import type { Finding } from './functions.ts'
import { allCalls, findCostlyCalls, someCalls } from './functions.ts'
import { findCostlyRequests } from './master.ts'
import { findCostlyTexts } from './texts.ts'

const { values } = parseArgs({
  strict: false,
  options: {
    short: { type: 'boolean' },
    seed: { type: 'string', default: '1' },
    calls: { type: 'string' },
  },
})
const LIMITS = values.short
  ? { callsMs: 6_000, textsMs: 4_000, posted: 15 }
  : { callsMs: 3_600_000, textsMs: 120_000, posted: 1_000 }
const seed = Number(values.seed)
const failures: string[] = []
const fail = (text: string): void => {
  failures.push(text)
  process.stdout.write(`FAILED: ${text}\n`)
}

const only = typeof values.calls === 'string' ? values.calls.split(',') : []
const calls = values.short ? someCalls(createRandom(seed)) : allCalls(only)
const { tried, taken } = findCostlyCalls(calls, LIMITS.callsMs, (one) => fail(describe(one)))
process.stdout.write(`calls: ${tried} tried, ${taken} with arguments that the function takes\n`)

if (only.length === 0) {
  const texts = findCostlyTexts(createRandom(seed), LIMITS.textsMs)
  texts.failures.forEach(fail)
  process.stdout.write(`texts of expressions: ${texts.tried}\n`)
  const found = await findCostlyRequests(createRandom(seed), LIMITS.posted)
  found.failures.forEach(fail)
  process.stdout.write(
    `master: ${found.posted} jobs, tasks and batches (${describeStatuses(found.statuses)}), ${found.lists} answers read; ` +
      `longest step of the event loop ${found.longest.cpuMs} ms of CPU time (${found.longest.wallMs.toFixed(1)} ms ` +
      `more than the machine's delay), largest answer ${found.largestBytes} bytes, ${found.memoryMb} MB of memory\n`,
  )
}
const passed = failures.length === 0 ? 1 : 0
process.stdout.write(`${passed} passed, ${failures.length} failed (cost, seed ${seed})\n`)
if (failures.length > 0) process.exitCode = 1

function describeStatuses(statuses: Record<number, number>): string {
  return Object.entries(statuses)
    .map(([status, count]) => `${status}: ${count}`)
    .join(', ')
}

function describe({ call, why, n, cpuMs, steps, nsPerStep, factor, message }: Finding): string {
  const rate = `${cpuMs.toFixed(1)} ms for ${Math.round(steps)} steps, ${Math.round(nsPerStep)} ns each`
  const grown = why === 'growth' ? `, ${factor.toFixed(1)} times the rate at a quarter of n` : ''
  return `${call} with n = ${n}: ${rate}${grown}${message && ` (${message.slice(0, 80)})`}`
}
