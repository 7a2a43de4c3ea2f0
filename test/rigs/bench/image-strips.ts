// The image job beside one call of the library on the whole image, on the same machine in the same rounds:
// how long each takes, and what processor time. With two slaves the job may take as long as its longest
// chain; the processor time is what it costs in all.

import { readFileSync } from 'node:fs'
import type { Matrix3x3 } from 'sharp'
import sharp from 'sharp'
import type { Json } from '../../requests.ts'
import { childrenOf, cpuUs } from '../cluster/proc.ts'
import type { RunningProcess } from '../cluster/programs.ts'

const SEPIA: Matrix3x3 = [
  [0.393, 0.769, 0.189],
  [0.349, 0.686, 0.168],
  [0.272, 0.534, 0.131],
]
const STRIPS = [1, 2, 4, 8, 32]

/** Milliseconds: of the clock, and of the processor by who took it. */
type Times = { ms: number; master: number; agents: number; executors: number; stages: string }

/** A JPEG of `width` pixels in width, made of the photograph in test/fixtures, in sepia, as PNG. */
export async function imageStrips(given: {
  url: string
  master: RunningProcess
  slaves: RunningProcess[]
  width: number
  rounds: number
  runJob: (url: string, job: object) => Promise<Json>
  say: (line: string) => void
}): Promise<void> {
  const { url, width, rounds, say } = given
  const photo = readFileSync(new URL('../../fixtures/photo.jpg', import.meta.url))
  const jpeg = await sharp(photo).resize(width).jpeg({ quality: 90 }).toBuffer()
  const image = await upload(url, jpeg)
  const run = (parts: number): Promise<Json> =>
    given.runJob(url, { kind: 'image-filter', input: { image, filter: 'sepia' }, parts })
  const whole = (): Promise<Buffer> => sharp(jpeg).recomb(SEPIA).png().toBuffer()
  // The executors are started by a first job, and compile what they run often.
  let last = await run(2)
  const sizes = [(await whole()).length, (await resultOf(url, last.id)).length]
  const direct: { ms: number; cpu: number }[] = []
  const jobs = STRIPS.map((parts) => ({ parts, times: [] as Times[] }))
  for (let round = 0; round < rounds; round++) {
    for (const { parts, times } of jobs) {
      const own = process.cpuUsage()
      const ms = await msOf(whole)
      const { user, system } = process.cpuUsage(own)
      direct.push({ ms, cpu: (user + system) / 1000 })
      const before = cpuOf(given)
      const took = await msOf(async () => void (last = await run(parts)))
      const after = cpuOf(given)
      const cpu = (who: keyof typeof after): number => (after[who] - before[who]) / 1000
      times.push({
        ms: took,
        master: cpu('master'),
        agents: cpu('agents'),
        executors: cpu('executors'),
        stages: stagesOf(last),
      })
    }
  }
  const one = { ms: median(direct, 'ms'), cpu: median(direct, 'cpu') }
  say(`\nsepia on a JPEG of ${width} pixels in width, result as PNG: medians of the rounds`)
  say(`one call on the whole   ${cell(one.ms)} ms          processor ${cell(one.cpu)} ms`)
  for (const { parts, times } of jobs) {
    const ms = median(times, 'ms')
    const cpu = {
      master: median(times, 'master'),
      agents: median(times, 'agents'),
      executors: median(times, 'executors'),
    }
    const all = cpu.master + cpu.agents + cpu.executors
    const { stages } = times.find((each) => each.ms === ms) as Times
    say(
      `askfirst, ${String(parts).padStart(2)} strips     ${cell(ms)} ms  x ${(ms / one.ms).toFixed(2)}  processor ${cell(all)} ms  x ${(all / one.cpu).toFixed(2)}: master ${cell(cpu.master)}, agents ${cell(cpu.agents)}, executors ${cell(cpu.executors)}; ${stages}`,
    )
  }
  say(`bytes of the result: ${sizes[0]} of one call, ${sizes[1]} of the job`)
}

/** How long each stage was. */
export function stagesOf({ stages, ms }: Json): string {
  const shown = stages.map((stage: Json) => `${stage.name} ${stage.ms}`)
  return `${shown.join(', ')}; all ${ms}`
}

function cpuOf({ master, slaves }: { master: RunningProcess; slaves: RunningProcess[] }) {
  const pids = slaves.map(({ child }) => child.pid as number)
  const total = (all: number[]): number => all.reduce((sum, pid) => sum + cpuUs(pid).self, 0)
  return {
    master: total([master.child.pid as number]),
    agents: total(pids),
    executors: total(pids.flatMap(childrenOf)),
  }
}

async function upload(url: string, jpeg: Buffer): Promise<string> {
  const response = await fetch(`${url}/blobs`, {
    method: 'PUT',
    body: new Uint8Array(jpeg),
    headers: { 'content-type': 'image/jpeg' },
  })
  return ((await response.json()) as { sha256: string }).sha256
}

async function resultOf(url: string, id: string): Promise<Buffer> {
  return Buffer.from(await (await fetch(`${url}/jobs/${id}/result`)).arrayBuffer())
}

async function msOf(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await run()
  return performance.now() - startedAt
}

const cell = (ms: number): string => ms.toFixed(0).padStart(5)

function median<T extends Record<K, number>, K extends string>(all: T[], of: K): number {
  return all.map((each) => each[of]).toSorted((a, b) => a - b)[all.length >> 1] as number
}
