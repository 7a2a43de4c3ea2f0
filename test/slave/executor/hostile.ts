// Executors with kinds that try to do harm, and what they try to harm.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { packKinds } from '../../../deploy/pack/executor.ts'
import type { PoolOptions } from '../../../slave/executor/pool-options.ts'
import { own } from '../../rigs/cluster/launch.ts'
import type { Target } from './fixtures/hostile-kinds.ts'
import { builtinNames, HOSTILE_KINDS } from './fixtures/hostile-kinds.ts'
import { openPool } from './open-pool.ts'

export const MODULES = builtinNames()

const FIXTURE = new URL('./fixtures/hostile-kinds.ts', import.meta.url)
const ROOT = new URL('../../../', import.meta.url)
export const TEXT = 'what-no-kind-may-read'

/** No flag of ours opens them, or one closes them. */
export const NOT_THERE = [
  'bench',
  'bench/reporters',
  'dtls',
  'ffi',
  'quic',
  'sqlite',
  'stream/iter',
  'vfs',
  'zlib/iter',
]
export const guards: [string, (t: Test) => Partial<PoolOptions>][] = [
  ['an executor', () => ({})],
  ['an executor that the kernel does not confine', () => ({ confined: false })],
  ['an executor for files', (t) => ({ folders: { read: [], write: [ownFolder(t)] } })],
]

/** Makes a snapshot of the hostile kinds, as `npm run pack` makes one of ours. Gives its path. */
export async function packHostile(t: Test): Promise<string> {
  const folder = pathToFileURL(join(t.testdir(), 'executor/'))
  await packKinds(['./test/slave/executor/fixtures/hostile-kinds.ts'], HOSTILE_KINDS, folder)
  return fileURLToPath(new URL('snapshot', folder))
}

export function openHostile(t: Test, options: Partial<PoolOptions>) {
  return openPool(t, { kinds: HOSTILE_KINDS, kindsModule: moduleUrl(), ...options })
}

export function moduleUrl(): URL {
  const url = new URL(FIXTURE)
  for (const name of MODULES) url.searchParams.append('name', name)
  return url
}

function ownFolder(t: Test): string {
  const folder = join(t.testdir(), 'own')
  mkdirSync(folder)
  return folder
}

/** A file, a server and a process; and what was done to them. */
export async function openVictims(t: Test) {
  const folder = t.testdir({ victims: { file: TEXT } })
  const victims = join(folder, 'victims')
  const file = join(victims, 'file')
  writeFileSync(file, TEXT, { mode: 0o600 })
  const before = statSync(file)
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.on('error', () => {}).end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const sleeper = await openSleeper(t)
  const priority = getPriority(sleeper.pid)
  let ended = false
  sleeper.once('exit', () => {
    ended = true
  })
  const natives = readdirSync(new URL('node_modules/@img', ROOT)).flatMap((name) => {
    const lib = new URL(`node_modules/@img/${name}/lib/`, ROOT)
    const files = name.startsWith('sharp-libvips') ? [] : readdirSyncOrNone(lib)
    return files.filter((each) => each.endsWith('.node')).map((each) => new URL(each, lib).pathname)
  })
  const { port } = server.address() as AddressInfo
  const target: Target = {
    folder: victims,
    file,
    text: TEXT,
    port,
    pid: sleeper.pid!,
    native: natives[0] ?? '/no-library.node',
  }

  function harm(): string[] {
    const found: string[] = []
    const now = statSync(file, { throwIfNoEntry: false })
    const names = readdirSync(victims).filter((name) => name !== 'file')
    if (names.length > 0) found.push(`there is ${names.join(' ')}`)
    if (now?.mode !== before.mode || now.mtimeMs !== before.mtimeMs) found.push('the file changed')
    if (now && readFileSync(file, 'utf8') !== TEXT) found.push('the file was written')
    if (connections > 0) found.push(`${connections} connections came`)
    if (ended || getPriority(target.pid) !== priority) found.push('the process was touched')
    return found
  }

  return { target, harm }
}

/** A process that does nothing until somebody harms it. */
export async function openSleeper(t: Test) {
  const sleeper = spawn('sleep', ['600'], { stdio: 'ignore' })
  const { end } = own(sleeper)
  t.teardown(() => end('SIGKILL'))
  await once(sleeper, 'spawn')
  return sleeper
}

function readdirSyncOrNone(folder: URL): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
