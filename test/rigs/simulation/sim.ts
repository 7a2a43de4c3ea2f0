// `npm run sim -- --seeds N [--from S] [--polls]`: N simulated worlds, each under the faults of its
// seed, on all cores; with --polls such that are about slaves that pull. A failure prints its seed and
// the shortest list of faults that still fails.

import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createRandom } from '../../../shared/data/random.ts'
import type { Plan } from './plan.ts'
import { drawPlan, POLLS_FROM } from './plan.ts'
import type { WorldResult } from './world.ts'
import { runWorld } from './world.ts'

const CHUNK = 50
const FAILURES_MAX = 5
/** How often it says how far it is. In milliseconds. */
const PROGRESS_MS = 10_000

type Failure = { seed: number; words: string }
type Report = { from: number; results: WorldResult[]; failures: Failure[] }

if (process.argv[2] === 'child')
  process.on('message', (chunk: { from: number; to: number }) => void runChunk(chunk))
else await main()

/** In a child: the worlds of CHUNK seeds. Refusals are errors, and nobody reads their stacks. */
async function runChunk({ from, to }: { from: number; to: number }): Promise<void> {
  Error.stackTraceLimit = 0
  const results: WorldResult[] = []
  const failures: Failure[] = []
  for (let seed = from; seed < to; seed++) {
    try {
      results.push(await runWorld(seed))
    } catch (error) {
      failures.push({ seed, words: (error as Error).message })
    }
  }
  process.send?.({ from, results, failures } satisfies Report)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '2000' },
      from: { type: 'string', default: '1' },
      polls: { type: 'boolean', default: false },
    },
  })
  const first = Number(values.from) + (values.polls ? POLLS_FROM : 0)
  const end = first + Number(values.seeds)
  const startedAt = performance.now()
  const total = { worlds: 0, promised: 0, lost: 0, events: 0, simulatedMs: 0 }
  const failures: Failure[] = []
  let next = first

  const progress = setInterval(tell, PROGRESS_MS)
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, runChild))
  } finally {
    clearInterval(progress)
  }
  const seconds = (performance.now() - startedAt) / 1000
  const hours = total.simulatedMs / 3_600_000
  process.stdout.write(
    `${total.worlds} worlds hold, ${failures.length} do not: ${total.promised} tasks promised, ` +
      `${total.lost} attempts lost, ${total.events} events, ${hours.toFixed(1)} simulated hours ` +
      `in ${seconds.toFixed(1)} s\n`,
  )
  for (const failure of failures.slice(0, FAILURES_MAX)) await explain(failure)
  process.stdout.write(`${total.worlds} passed, ${failures.length} failed\n`)
  process.exitCode = failures.length > 0 || total.worlds === 0 ? 1 : 0

  function runChild(): Promise<void> {
    const child = fork(fileURLToPath(import.meta.url), ['child'])
    return new Promise((resolve, reject) => {
      const more = (): void => {
        if (next >= end || failures.length >= FAILURES_MAX) {
          child.disconnect()
          return resolve()
        }
        child.send({ from: next, to: Math.min(end, next + CHUNK) })
        next += CHUNK
      }
      child.on('message', (report: Report) => {
        take(report)
        more()
      })
      child.on('error', reject)
      child.on('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`a child ended: ${code}`)),
      )
      more()
    })
  }

  function tell(): void {
    process.stderr.write(
      `${total.worlds} of ${values.seeds} worlds, ${failures.length} do not hold\n`,
    )
  }

  function take({ results, failures: failed }: Report): void {
    total.worlds += results.length
    for (const result of results) {
      total.promised += result.promised
      total.lost += result.lost
      total.events += result.events
      total.simulatedMs += result.simulatedMs
    }
    failures.push(...failed)
    for (const { seed } of failed) process.stderr.write(`seed ${seed} does not hold\n`)
  }
}

/** Prints a failing seed with as few faults as still make it fail. */
async function explain({ seed, words }: Failure): Promise<void> {
  let plan = drawPlan(seed, createRandom(seed))
  let last = words
  for (let i = 0; i < plan.faults.length; ) {
    const fewer: Plan = { ...plan, faults: plan.faults.toSpliced(i, 1) }
    const failure = await failureOf(fewer)
    if (failure === null) i++
    else {
      plan = fewer
      last = failure
      i = 0
    }
  }
  const { faults, tasks: _, ...rest } = plan
  process.stdout.write(`\nseed ${seed}: ${last}\n  world: ${JSON.stringify(rest)}\n`)
  for (const fault of faults) process.stdout.write(`  fault: ${JSON.stringify(fault)}\n`)
  process.stdout.write(`  again: npm run sim -- --from ${seed} --seeds 1\n`)
}

async function failureOf(plan: Plan): Promise<string | null> {
  try {
    await runWorld(plan.seed, plan)
    return null
  } catch (error) {
    return (error as Error).message
  }
}
