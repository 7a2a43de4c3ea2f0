// `npm run speedup -- --kind range-sum --input '{...}' [--slaves 1,2,3] [--rounds 5]`: runs one job
// with more and more slaves, real processes of one slot each, and says how much faster it gets, by
// which law, and where the time goes that does not get less.

import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Json } from '../../requests.ts'
import { post } from '../../requests.ts'
import { startCluster } from '../cluster/programs.ts'
import { openScope } from '../cluster/scope.ts'
import type { Point, Runs } from './laws.ts'
import { FIT_POINTS_MIN, fitAmdahl, median, pointsOf } from './laws.ts'

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'range-sum' },
    input: { type: 'string', default: '{"expression":"n^2","from":1,"to":200000000}' },
    /** Uploaded first; "$blob" in the input stands for its SHA-256. */
    blob: { type: 'string' },
    /** The slaves' folder of files. */
    files: { type: 'string' },
    parts: { type: 'string' },
    slaves: { type: 'string', default: '1,2,3' },
    rounds: { type: 'string', default: '5' },
    /** The times are also written here, as JSON: the page draws them. */
    save: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const WAIT_S = 300
const say = (line = ''): void => void process.stdout.write(`${line}\n`)

if (values.help) {
  say('npm run speedup -- --kind KIND --input JSON [--blob FILE] [--files FOLDER] [--parts N]')
  say('                   [--slaves 1,2,3] [--rounds 5] [--save FILE]')
} else await main()

/** How one run of the job spent its time. In milliseconds. */
type Run = { ms: number; stages: { name: string; ms: number; ranMs: number }[] }

async function main(): Promise<void> {
  const numbers = [...new Set(values.slaves.split(',').map(Number))].toSorted((a, b) => a - b)
  if (numbers.some((n) => !Number.isInteger(n) || n < 1) || numbers[0] !== 1) {
    throw new Error('--slaves must be whole numbers that begin with 1, such as 1,2,4')
  }
  const cores = availableParallelism()
  say(`${values.kind} ${values.input}, ${values.rounds} runs each, ${cores} cores`)
  const all = new Map<number, Run[]>()
  for (const slaves of numbers) all.set(slaves, await runsWith(slaves))
  const runs: Runs[] = numbers.map((slaves) => ({
    slaves,
    ms: (all.get(slaves) ?? []).map(({ ms }) => ms),
  }))
  const points = pointsOf(runs)
  tell(points, cores)
  tellFit(points, cores)
  if (values.save !== undefined) {
    writeFileSync(values.save, `${JSON.stringify({ kind: values.kind, runs })}\n`)
  }
  for (const slaves of numbers) tellStages(slaves, all.get(slaves) ?? [])
}

/** A fleet of its own for each number of slaves; a first run, not counted, warms it up. */
async function runsWith(slaves: number): Promise<Run[]> {
  const scope = openScope('speedup')
  const { folder } = scope
  try {
    const files = values.files === undefined ? [] : ['--files', values.files]
    const { url } = await startCluster(scope, {
      data: join(folder, 'master'),
      slaves: Array.from({ length: slaves }, (_, i) => [
        '--data',
        join(folder, `slave-${i + 1}`),
        '--slots',
        '1',
        ...files,
      ]),
    })
    const job = await jobFor(url)
    const runs: Run[] = []
    for (let round = 0; round <= Number(values.rounds); round++) runs.push(await run(url, job))
    return runs.slice(1)
  } finally {
    await scope.close()
  }
}

async function jobFor(url: string): Promise<object> {
  let { input } = values
  if (values.blob !== undefined) {
    const response = await fetch(`${url}/blobs`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: readFileSync(values.blob),
    })
    const { sha256 } = (await response.json()) as { sha256: string }
    input = input.replaceAll('$blob', sha256)
  }
  const parts = values.parts === undefined ? {} : { parts: Number(values.parts) }
  return { kind: values.kind, input: JSON.parse(input) as unknown, ...parts }
}

async function run(url: string, job: object): Promise<Run> {
  const startedAt = performance.now()
  const { body } = await post(`${url}/jobs`, job, { prefer: `wait=${WAIT_S}` })
  const ms = performance.now() - startedAt
  if (body.status !== 'done') throw new Error(`the job failed: ${JSON.stringify(body)}`)
  const response = await fetch(`${url}/jobs/${body.id}/parts`)
  const { stages } = (await response.json()) as Json
  const ranMs = (name: string): number =>
    stages
      .find((stage: Json) => stage.name === name)
      .parts.reduce((sum: number, part: Json) => sum + part.ms, 0)
  return {
    ms,
    stages: body.stages.map((s: Json) => ({ name: s.name, ms: s.ms, ranMs: ranMs(s.name) })),
  }
}

function tell(points: Point[], cores: number): void {
  say('\nslaves   time, ms (least to most)      speed-up (range)        Karp-Flatt e')
  for (const p of points) {
    const times = `${p.median.toFixed(0)} (${p.least.toFixed(0)}-${p.most.toFixed(0)})`
    const range = `${p.speedup.toFixed(2)} (${p.speedupLeast.toFixed(2)}-${p.speedupMost.toFixed(2)})`
    const fraction = p.karpFlatt === null ? '-' : p.karpFlatt.toFixed(3)
    const label = p.slaves > cores ? `   more slaves than cores (${cores})` : ''
    say(`${String(p.slaves).padEnd(9)}${times.padEnd(30)}${range.padEnd(24)}${fraction}${label}`)
  }
}

function tellFit(points: Point[], cores: number): void {
  const fit = fitAmdahl(points)
  if (!fit) {
    say(`\nAmdahl's law is not fitted: that needs ${FIT_POINTS_MIN} numbers of slaves or more.`)
    return
  }
  const limit = fit.serial > 0 ? `at most ${(1 / fit.serial).toFixed(1)} times` : 'no limit seen'
  say(
    `\nAmdahl's law: serial fraction ${fit.serial.toFixed(3)} (${limit}), off by up to ${(fit.worst * 100).toFixed(0)} %`,
  )
  if (points.some(({ slaves }) => slaves > cores)) {
    say(
      `Points with more slaves than the ${cores} cores share them: the fraction holds cores, too.`,
    )
  }
}

/** What is neither computing, evenly spread, nor within a stage, is what cannot get less. */
function tellStages(slaves: number, runs: Run[]): void {
  const names = runs[0]?.stages.map(({ name }) => name) ?? []
  say(`\n${slaves} ${slaves === 1 ? 'slave' : 'slaves'}: where the time goes, medians in ms`)
  say('stage             wall   running/slaves   waiting, moving, asking')
  for (const [i, name] of names.entries()) {
    const wall = median(runs.map(({ stages }) => stages[i]?.ms ?? 0))
    const even = median(runs.map(({ stages }) => (stages[i]?.ranMs ?? 0) / slaves))
    say(
      `${name.padEnd(16)}${wall.toFixed(0).padStart(6)}${even.toFixed(0).padStart(17)}${(wall - even).toFixed(0).padStart(26)}`,
    )
  }
  const between = runs.map(
    ({ ms, stages }) => ms - stages.reduce((sum, stage) => sum + stage.ms, 0),
  )
  say(`between stages, storing, answering: ${median(between).toFixed(0)} ms`)
}
