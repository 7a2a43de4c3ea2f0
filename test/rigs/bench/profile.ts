// Where the time goes: one scenario with V8's sampling profiler in master and agent, summed by area
// and by function. Executors cannot be profiled so: they may not write a file.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../cluster/launch.ts'
import { startLoad } from './processes.ts'
import type { Counts } from './sampler.ts'
import type { Run, Scenario } from './scenarios.ts'
import { runOnce } from './scenarios.ts'
import type { OursOptions } from './targets.ts'
import { startOurs } from './targets.ts'

type CallFrame = { functionName: string; url: string; lineNumber: number }
type Node = { id: number; callFrame: CallFrame; children?: number[] }
type Profile = { nodes: Node[]; samples: number[]; timeDeltas: number[]; counts: Counts }

const FUNCTIONS_SHOWN = 32
const WARM_SECONDS = 2
const WRITE_MS_MAX = 10_000

/** Prints the profile of the master and of the agent under a scenario. */
export async function profile(given: {
  ours: OursOptions
  seconds: number
  scenario: Scenario
}): Promise<void> {
  const { ours, seconds, scenario } = given
  const folder = mkdtempSync(join(tmpdir(), 'askfirst-profile-'))
  const fileOf = (name: string): string => join(folder, `${name}.json`)
  const sampled = (name: string) => ({
    node: ['--import', `${ROOT}test/rigs/bench/sampler.ts`],
    env: { PROFILE_FILE: fileOf(name) },
  })
  try {
    const load = await startLoad()
    const target = await startOurs({
      ...ours,
      masterProcess: sampled('master'),
      slaveProcess: sampled('slave'),
    })
    const toggle = (): void => {
      for (const pid of Object.values(target.pids)) process.kill(pid, 'SIGUSR2')
    }
    await runOnce(scenario, target, load, WARM_SECONDS)
    toggle()
    const run = await runOnce(scenario, target, load, seconds)
    toggle()
    process.stdout.write(`${scenario.words}\n${aboutRun(run)}\n`)
    for (const name of Object.keys(target.pids)) {
      process.stdout.write(describe(name, await readProfile(fileOf(name)), run))
    }
    await target.stop()
    await load.stop()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function readProfile(file: string): Promise<Profile> {
  const deadline = performance.now() + WRITE_MS_MAX
  while (!existsSync(file)) {
    if (performance.now() > deadline) throw new Error(`there is no profile ${file}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Profile
}

function aboutRun({ tasksPerSecond, cpuPerTask, errors, refused }: Run): string {
  const cpu = Object.entries(cpuPerTask).map(([name, us]) => `${name} ${us.toFixed(1)}`)
  const trouble = JSON.stringify({ refused, errors })
  return (
    `${Math.round(tasksPerSecond)} tasks/s while profiled; CPU us a task: ${cpu.join(', ')}; ` +
    `${trouble}\n`
  )
}

/** Self time by area and by function, in microseconds a task, with what it waits for the disk. */
function describe(
  name: string,
  { nodes, samples, timeDeltas, counts }: Profile,
  { done: tasks, seconds }: Run,
): string {
  const self = new Map<number, number>()
  samples.forEach((id, i) => {
    self.set(id, (self.get(id) ?? 0) + Math.max(0, timeDeltas[i] ?? 0))
  })
  const parents = new Map<number, Node>()
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node)
  const areas = new Map<string, number>()
  const functions = new Map<string, number>()
  let busy = 0
  for (const node of nodes) {
    const us = self.get(node.id) ?? 0
    const area = areaOf(node, parents)
    if (us === 0 || area === 'idle') continue
    busy += us
    areas.set(area, (areas.get(area) ?? 0) + us)
    const words = `${area.padEnd(14)} ${frameOf(node, parents)}`
    functions.set(words, (functions.get(words) ?? 0) + us)
  }
  const line = ([words, us]: [string, number]): string =>
    `  ${((us / busy) * 100).toFixed(1).padStart(5)} %  ${(us / tasks).toFixed(2).padStart(6)} us  ${words}`
  const most = (map: Map<string, number>, n: number): string[] =>
    [...map]
      .sort((a, b) => b[1] - a[1])
      .slice(0, n)
      .map(line)
  return [
    `${name}: busy ${((busy / seconds / 1e6) * 100).toFixed(0)} % of the time, ` +
      `${(busy / tasks).toFixed(1)} us a task; ${aboutCounts(counts, tasks)}`,
    `${name}: by area`,
    ...most(areas, 20),
    `${name}: by function`,
    ...most(functions, FUNCTIONS_SHOWN),
    '\n',
  ].join('\n')
}

function aboutCounts(
  { requestsIn, requestsOut, commits, commitMs }: Counts,
  tasks: number,
): string {
  const words = [
    `${(tasks / Math.max(1, requestsIn)).toFixed(1)} tasks to a request in`,
    `${(tasks / Math.max(1, requestsOut)).toFixed(1)} to a request out`,
  ]
  if (commits > 0) {
    words.push(
      `${(tasks / commits).toFixed(1)} to a commit of ${(commitMs / commits).toFixed(2)} ms`,
    )
  }
  return words.join(', ')
}

/** Functions of V8 and Node without a file of their own, by name. */
const NATIVE: [RegExp, string][] = [
  [/^\(garbage collector\)$/, 'GC'],
  [/^\(idle\)$/, 'idle'],
  [/^\(program\)$/, 'native, other'],
  [/^(stringify|parse)$/, 'JSON'],
  [/^(writev|write(Utf8|Latin1)String|writeBuffer|shutdown|readStart|readStop)$/, 'syscalls'],
  [/^(run|get|all|exec|iterate|prepare)$/, 'sqlite'],
]

function areaOf(node: Node, parents: Map<number, Node>): string {
  const { functionName, url } = node.callFrame
  // The profiler's own start and stop.
  if (url === 'node:inspector') return 'idle'
  if (url !== '') return areaOfFile(url)
  const native = NATIVE.find(([pattern]) => pattern.test(functionName))
  if (native) return native[1]
  const parent = parents.get(node.id)
  return parent && parent.callFrame.functionName !== '(root)'
    ? areaOf(parent, parents)
    : 'native, other'
}

function areaOfFile(url: string): string {
  const library = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]
  if (library === 'undici') return 'undici'
  if (library === 'typebox') return 'schema checks'
  if (library) return 'fastify, http'
  if (/^node:.*(http|_http|llhttp)/.test(url)) return 'fastify, http'
  if (/^node:.*(net|stream)/.test(url)) return 'net, streams'
  if (url.startsWith('node:')) return 'node, other'
  if (url.includes('/core/') || url.includes('/policies/')) return 'our core'
  if (url.includes('/store/')) return 'our store'
  return url.startsWith('file:') ? 'our shell' : 'schema checks'
}

function frameOf(node: Node, parents: Map<number, Node>): string {
  const { functionName, url, lineNumber } = node.callFrame
  const name = functionName || '(anonymous)'
  if (url !== '') return `${name}  ${shortened(url)}:${lineNumber + 1}`
  const parent = parents.get(node.id)
  if (!parent || parent.callFrame.functionName === '(root)') return name
  return `${name}  from ${frameOf(parent, parents)}`
}

const shortened = (url: string): string =>
  url.replace(`file://${ROOT}`, '').replace(/^.*node_modules\//, '')
