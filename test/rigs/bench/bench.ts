// How fast askfirst is, beside three floors in the same run: npm run bench -- [--short] [--guard] [--json FILE]
// Starts the real processes, puts load on each target in turn (route, chain, ours, route, chain ...)
// and prints medians, spread and ratios. Figures depend on the machine; ratios much less. With --guard it
// fails when askfirst has become slower beside the prototype (guard.ts).
//
//   bench -> targets (processes) <- load (a process of its own) -> scenarios' runs -> report

import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { guard } from './guard.ts'
import { startLoad } from './processes.ts'
import { profile } from './profile.ts'
import type { ScenarioFigures } from './report.ts'
import { figuresOf, ratiosOf, table } from './report.ts'
import type { Run, Scenario } from './scenarios.ts'
import { runOnce, SCENARIOS } from './scenarios.ts'
import { spreadOf } from './summary.ts'
import type { Target, TargetName } from './targets.ts'
import { startChain, startOurs, startPrototype, startRoute } from './targets.ts'

const HELP = `npm run bench -- [options]
  --short          all in under 30 seconds, for CI: figures are rough
  --json FILE      writes all figures
  --seconds N      of each run (4; short 0.6)
  --rounds N       runs of each scenario on each target (3; short 2)
  --only NAMES     of ${SCENARIOS.map(({ name }) => name).join(', ')}
  --executors N    of the slave (1)
  --slots N        of the slave (4096)
  --folder DIR     where the master's store is made
  --guard          only single and batch; fails when a ratio to the prototype grew by 30 %
  --accept         with --guard: writes the ratios of this run to guard.json
  --profile        says where the time goes instead, in a profile of --only (single)
`

const { values: given } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'string' },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string' },
    executors: { type: 'string', default: '1' },
    slots: { type: 'string', default: '4096' },
    folder: { type: 'string' },
    guard: { type: 'boolean', default: false },
    accept: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const seconds = Number(given.seconds ?? (given.short ? 0.6 : 4))
const rounds = Number(given.rounds ?? (given.short ? 2 : 3))
const ours = {
  slots: Number(given.slots),
  executors: Number(given.executors),
  ...(given.folder === undefined ? {} : { folder: given.folder }),
}
/**
 * Before it is measured. The guard compares code that the compiler has finished with: askfirst has far more of it
 * than the prototype, so that within the first seconds the ratios are those of the compiler.
 */
const WARM_SECONDS = given.guard ? 6 : given.short ? 0.3 : 1.5
const GUARDED = 'single,batch'

if (given.help) {
  process.stdout.write(HELP)
} else if (given.profile) {
  await profile({ ours, seconds, scenario: chosen('single')[0] as Scenario })
} else {
  await bench()
}

function chosen(otherwise: string): Scenario[] {
  const names = (given.only ?? otherwise).split(',')
  const found = SCENARIOS.filter(({ name }) => names.includes(name))
  if (found.length === names.length) return found
  process.stderr.write(`--only takes some of ${SCENARIOS.map(({ name }) => name).join(',')}\n`)
  return process.exit(64)
}

async function bench(): Promise<void> {
  const scenarios = chosen(given.guard ? GUARDED : SCENARIOS.map(({ name }) => name).join(','))
  const load = await startLoad()
  const prototype = await startPrototype()
  const others = given.guard ? [] : [await startRoute(), await startChain()]
  const targets = [...others, prototype, await startOurs(ours)]
  const words = Object.fromEntries(targets.map((target) => [target.name, target.words]))
  const machine = machineOf()
  process.stdout.write(`${aboutRun(machine)}\n\n`)
  const all: Record<string, ScenarioFigures> = {}
  for (const scenario of scenarios) {
    const able = targets.filter(({ works }) => works || !scenario.needsWork)
    const figures = await measure(scenario, able, load)
    all[scenario.name] = figures
    process.stdout.write(`${table(scenario, figures, words as Record<TargetName, string>)}\n`)
  }
  await Promise.all([...targets.map((target) => target.stop()), load.stop()])
  if (given.json) {
    const ratios = Object.fromEntries(Object.entries(all).map(([n, f]) => [n, ratiosOf(f)]))
    const settings = { seconds, rounds, ...ours }
    const text = JSON.stringify({ machine, settings, figures: all, ratios }, null, 2)
    writeFileSync(given.json, `${text}\n`)
  }
  const everything = Object.values(all).flatMap((figures) => Object.values(figures))
  if (everything.some(({ errors }) => Object.keys(errors).length > 0)) process.exitCode = 1
  if (given.guard && !guard(all, given.accept)) process.exitCode = 1
}

/** A B C A B C ...: what else the machine does falls on all alike. */
async function measure(
  scenario: Scenario,
  targets: Target[],
  load: Awaited<ReturnType<typeof startLoad>>,
): Promise<ScenarioFigures> {
  const runs = new Map<TargetName, Run[]>(targets.map(({ name }) => [name, []]))
  for (const target of targets) await runOnce(scenario, target, load, WARM_SECONDS)
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) {
      runs.get(target.name)?.push(await runOnce(scenario, target, load, seconds))
    }
  }
  return Object.fromEntries([...runs].map(([name, of]) => [name, figuresOf(of)]))
}

function machineOf() {
  return {
    node: process.version,
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    fsyncMs: fsyncMs(),
  }
}

function aboutRun({ node, cores, processor, fsyncMs }: ReturnType<typeof machineOf>): string {
  return (
    `Node ${node}, ${cores} cores (${processor}), an fsync of 4 KiB takes ` +
    `${fsyncMs.median.toFixed(2)} ms; one slave, ${ours.slots} slots, executors ${ours.executors}; ` +
    `${rounds} runs of ${seconds} s each`
  )
}

/** What a durable write costs on the disk that the store is on, without any of us. */
function fsyncMs() {
  const folder = mkdtempSync(join(ours.folder ?? tmpdir(), 'askfirst-fsync-'))
  const file = openSync(join(folder, 'file'), 'w')
  const page = Buffer.alloc(4096)
  const times = Array.from({ length: 50 }, () => {
    const startedAt = performance.now()
    writeSync(file, page)
    fsyncSync(file)
    return performance.now() - startedAt
  })
  closeSync(file)
  rmSync(folder, { recursive: true })
  return spreadOf(times)
}
