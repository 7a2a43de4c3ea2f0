// Many large files through three slaves with small caches: what comes out, how often each file was fetched,
// how much memory the master took, and what is lost when a slave is killed while it uploads.

import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import type { Teardown } from '../../folder.ts'
import type { Json } from '../../requests.ts'
import { getJson, isFree, post, until } from '../../requests.ts'
import type { RunningProcess } from '../cluster/programs.ts'
import { startMaster, startProcess } from '../cluster/programs.ts'
import type { CountingProxy } from './counting-proxy.ts'
import { startCountingProxy } from './counting-proxy.ts'

export type Given = {
  data: string
  files: number
  bytes: number
  slaves: number
  cacheBytesMax: number
  /** Tasks that need each file. */
  uses: number
}

export type Found = {
  /** Tasks that are not done, or of which an output is not what it must be, in words. */
  wrong: string[]
  /** The largest number of times that one slave fetched one file. */
  fetchesMax: number
  /** Bytes that the slaves fetched, by bytes of the files that their tasks needed. */
  fetched: number
  needed: number
  /** The largest number of bytes in the cache of a slave, as its folder shows it. */
  cacheBytes: number
  /** The master's resident memory in bytes: before the first task, and the largest after that. */
  rssBefore: number
  rssMax: number
  /** How often the task was tried whose slave was killed while it uploaded. */
  triesOfKilled: number
}

type Slave = {
  name: string
  process: RunningProcess
  proxy: CountingProxy
  data: string
}
type Input = { sha256: string; seed: Buffer }

/** The tail of each output tells from which task it is. */
const tailOf = (i: number): string => `the output of task ${i}\n`

export async function runExperiment(t: Teardown, given: Given): Promise<Found> {
  const { data, files, uses, bytes, cacheBytesMax } = given
  const limits = ['--blob-bytes-max', String(2 ** 31), '--blobs-bytes-max', String(2 ** 45)]
  const master = await startMaster(t, join(data, 'master'), limits)
  const slaves: Slave[] = []
  for (let i = 1; i <= given.slaves; i++) slaves.push(await startOne(`slave-${i}`))
  await until(async () => {
    const { slaves: rows } = await getJson(`${master.url}/slaves`)
    return rows.filter(isFree).length === slaves.length
  })
  const inputs: Input[] = []
  for (let i = 0; i < files; i++) inputs.push(await upload(master.url, randomBytes(32), bytes))
  const memory = watchMemory(master.child.pid ?? 0, slaves)
  const killed = killWhileUploading(slaves.at(-1) as Slave)
  const ids: string[] = []
  for (let i = 0; i < files * uses; i++) ids.push(await submit(i))
  const tasks: Json[] = []
  for (const id of ids) tasks.push(await ended(id))
  const killedTask = await killed
  const seen = memory.stop()
  const wrong: string[] = []
  for (const [i, task] of tasks.entries()) {
    const mistake = await mistakeOf(task, i)
    if (mistake !== '') wrong.push(`task ${i}: ${mistake}`)
  }
  const all = slaves.flatMap(({ proxy }) => [...proxy.fetched.values()])
  return {
    wrong,
    fetchesMax: Math.max(...all),
    fetched: all.reduce((sum, times) => sum + times, 0) * bytes,
    needed: files * uses * bytes,
    triesOfKilled: tasks.find(({ id }) => id === killedTask)?.tries ?? 0,
    ...seen,
  }

  async function startOne(name: string): Promise<Slave> {
    const proxy = await startCountingProxy(t, master.url)
    const folder = join(data, name)
    const slave = { name, proxy, data: folder }
    return { ...slave, process: await startSlaveOf(slave) }
  }

  function startSlaveOf(slave: { name: string; proxy: CountingProxy; data: string }) {
    const user = process.getuid?.() === 0 ? ['--commands-user', 'nobody'] : []
    const who = ['--master', slave.proxy.url, '--name', slave.name, '--data', slave.data]
    const how = ['--port', '0', '--log-level', 'error', '--executors', '1', '--commands', 'sh']
    const cache = ['--cache-bytes-max', String(cacheBytesMax)]
    return startProcess(t, 'slave/main.ts', [...who, ...how, ...user, ...cache])
  }

  /** Kills the slave at the beginning of its first upload, and starts it again; gives its task. */
  async function killWhileUploading(slave: Slave): Promise<string> {
    const begun = Promise.withResolvers<void>()
    slave.proxy.holdUploads(() => {
      begun.resolve()
      return new Promise(() => {})
    })
    await begun.promise
    const { attempts } = await getJson(`${slave.process.url}/attempts`)
    await slave.process.kill('SIGKILL')
    slave.proxy.holdUploads(async () => {})
    slave.process = await startSlaveOf(slave)
    return attempts[0]?.task ?? ''
  }

  async function submit(i: number): Promise<string> {
    const { sha256 } = inputs[Math.floor(i / uses)] as Input
    const answer = await post(`${master.url}/tasks`, {
      kind: 'command',
      input: { program: 'sh', args: ['-c', 'cat "in put.bin" - > out.bin'], stdin: tailOf(i) },
      files: { 'in put.bin': { sha256 } },
      outputs: ['out.*'],
      attemptsMax: 5,
      queue: true,
    })
    if (answer.status !== 202) throw new Error(`task ${i}: ${JSON.stringify(answer.body)}`)
    return answer.body.id as string
  }

  async function ended(id: string): Promise<Json> {
    for (;;) {
      const task = await getJson(`${master.url}/tasks/${id}`)
      if (task.status !== 'pending' && task.status !== 'in progress') return task
      await delay(100)
    }
  }

  /** What is wrong with a task's output, in words; empty: nothing. */
  async function mistakeOf(task: Json, i: number): Promise<string> {
    if (task.status !== 'done') return JSON.stringify(task.failure)
    const wanted = contentHash((inputs[Math.floor(i / uses)] as Input).seed, bytes, tailOf(i))
    const response = await fetch(`${master.url}/tasks/${task.id}/files/out.bin`)
    const hash = createHash('sha256')
    for await (const chunk of response.body ?? []) hash.update(chunk)
    return hash.digest('hex') === wanted ? '' : 'its output has another SHA-256'
  }
}

/** A file whose content follows from a seed: it is never in memory as a whole. */
function* contentOf(seed: Buffer, bytes: number): Generator<Buffer> {
  const block = Buffer.alloc(1 << 20)
  for (let at = 0; at < bytes; at += block.length) {
    for (let i = 0; i < block.length; i += 64) {
      if (i % 4096 === 0) block.writeUInt32LE(at + i, i)
      seed.copy(block, i + 8)
    }
    yield block.subarray(0, Math.min(block.length, bytes - at))
  }
}

function contentHash(seed: Buffer, bytes: number, tail: string): string {
  const hash = createHash('sha256')
  for (const block of contentOf(seed, bytes)) hash.update(block)
  return hash.update(tail).digest('hex')
}

async function upload(url: string, seed: Buffer, bytes: number): Promise<Input> {
  async function* body() {
    for (const block of contentOf(seed, bytes)) yield Buffer.from(block)
  }
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(bytes) }
  const options = { method: 'PUT', headers, body: Readable.from(body()) } as const
  const response = await request(`${url}/blobs`, options)
  const { sha256 } = (await response.body.json()) as { sha256: string }
  return { sha256, seed }
}

/** Looks at the memory of a process and at the caches of the slaves, until it is stopped. */
function watchMemory(pid: number, slaves: Slave[]) {
  const rssBefore = rssOf(pid)
  let rssMax = rssBefore
  let cacheBytes = 0
  const timer = setInterval(() => {
    rssMax = Math.max(rssMax, rssOf(pid))
    for (const { data } of slaves)
      cacheBytes = Math.max(cacheBytes, bytesIn(join(data, 'cache/blobs')))
  }, 100)
  return {
    stop() {
      clearInterval(timer)
      return { rssBefore, rssMax, cacheBytes }
    },
  }
}

function rssOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024
}

function bytesIn(folder: string): number {
  let bytes = 0
  try {
    for (const name of readdirSync(folder)) bytes += statSync(join(folder, name)).size
  } catch {}
  return bytes
}
