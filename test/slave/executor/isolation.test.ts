// What a kind's code can reach in an executor, whatever it calls. Goes through all built-in modules
// and all their functions, so that a new one in another version of Node is tried too.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import { findPrlimit } from '../../../slave/executor/confine.ts'
import type { PoolOptions } from '../../../slave/executor/pool.ts'
import { BARE_ENVIRONMENT } from './bare-children.ts'
import type { How, Target } from './fixtures/hostile-kinds.ts'
import { ATTACKS, HOSTILE_KINDS } from './fixtures/hostile-kinds.ts'
import { openPool } from './open-pool.ts'

/** Also those that only a flag opens. */
const MODULES = Object.keys(
  (process as unknown as { binding(name: string): object }).binding('natives'),
).filter((name) => !/^internal|^configs$/.test(name))

const FIXTURE = new URL('./fixtures/hostile-kinds.ts', import.meta.url)
const ROOT = new URL('../../../', import.meta.url)
const TEXT = 'what-no-kind-may-read'

/** What a kind may load when it is ready: it computes, and acts on nothing. */
const COMPUTE =
  /^(assert|async_hooks|buffer|constants|crypto|diagnostics_channel|events|path|perf_hooks|punycode|querystring|stream|string_decoder|timers|url|util|zlib)(\/|$)/
const WITH_FILES = /^fs(\/|$)/
/** No flag of ours opens them, or one closes them. */
const NOT_THERE = [
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
/** They end or hold up the executor itself, which is theirs to do. */
const ITS_OWN = /^(exit|abort|reallyExit|_fatalException|wait|waitAsync)$/

const guards: [string, (t: Test) => Partial<PoolOptions>][] = [
  ['an executor', () => ({})],
  ['an executor that the kernel does not confine', () => ({ confined: false })],
  ['an executor for files', (t) => ({ folders: { read: [], write: [ownFolder(t)] } })],
]

for (const [guard, options] of guards) {
  t.test(`${guard} loads only modules that compute`, async (t) => {
    const { compute } = openHostile(t, options(t))
    const may = (name: string) =>
      COMPUTE.test(name) || (/files/.test(guard) && WITH_FILES.test(name))
    for (const how of ['import', 'require', 'process.getBuiltinModule'] satisfies How[]) {
      for (const name of MODULES) {
        for (const written of [name, `node:${name}`]) {
          const { result } = (await compute('load', { name: written, how })) as { result: unknown }
          if (may(name)) t.match(result, /^(loaded|unknown|ERR_)/, `${how} ${written}`)
          else t.equal(result, 'ERR_ACCESS_DENIED', `${how} ${written}`)
        }
      }
    }
    const other = { name: 'sharp', how: 'import' }
    t.match(await compute('load', other), { result: 'ERR_ACCESS_DENIED' })
  })

  t.test(`${guard} does no harm with modules that were loaded before it was ready`, async (t) => {
    const { compute } = openHostile(t, options(t))
    const { result } = (await compute('held')) as { result: string[] }
    const there = MODULES.filter((name) => !NOT_THERE.includes(name))
    t.same(result.sort(), [...there, 'globalThis'].sort())
  })

  t.test(`${guard} withstands every attack`, async (t) => {
    const { compute } = openHostile(t, options(t))
    const victims = await openVictims(t)
    const own = /files/.test(guard) ? ['grows a file that it has open'] : []
    if (/not confine/.test(guard) || !findPrlimit()) own.push('grows a file that it has open')
    for (const attack of ATTACKS.filter((name) => !own.includes(name))) {
      const outcome = await compute(attack, victims.target, 5000)
      t.not('result' in outcome && outcome.result, 'allowed', attack)
      t.same(victims.harm(), [], attack)
    }
  })

  t.test(`${guard} harms nothing whatever function is called`, async (t) => {
    const { compute, outcome, run } = openHostile(t, { ...options(t), size: 2 })
    const victims = await openVictims(t)
    let calls = 0
    for (const module of [...MODULES, 'globalThis'].filter((name) => !NOT_THERE.includes(name))) {
      const { result } = (await compute('functions', module)) as { result: string[] }
      const names = result.filter((name) => !ITS_OWN.test(name))
      const attempts = names.map((name) =>
        run('call', { module, name, target: victims.target }, 2000),
      )
      for (const [i, ended] of (await Promise.all(attempts.map(outcome))).entries()) {
        const seen = 'result' in ended ? ended.result : ''
        t.equal(seen, '', `${module}.${names[i]} reads nothing`)
      }
      t.same(victims.harm(), [], module)
      calls += names.length
    }
    t.ok(calls > 1000, `${calls} functions were called`)
  })
}

t.test('the same attacks do harm without the walls', async (t) => {
  const victims = await openVictims(t)
  const program = `
    const { loadKinds } = await import(process.argv[1])
    const kinds = await loadKinds()
    for (const [name, input] of JSON.parse(process.argv[2])) {
      const { result } = await kinds.get(name).run(input)
      process.stdout.write(JSON.stringify([name, result]) + '\\n')
    }
    process.exit()`
  const { target } = victims
  const skipped = [
    'grows a file that it has open',
    'opens a file again that it has open',
    'keeps something in web storage',
    'takes an internal module',
  ]
  const attacks = ATTACKS.filter((name) => !skipped.includes(name))
  const inputs: [string, unknown][] = attacks.map((name) => {
    const folder = join(target.folder, name.replaceAll(' ', '-'))
    mkdirSync(folder)
    return [name, { ...target, folder }]
  })
  const calls = ['fs.readFileSync', 'sqlite.DatabaseSync', 'net.connect', 'process.kill']
  for (const call of calls) {
    const [module, name] = call.split('.')
    inputs.push(['call', { module, name, target }])
  }
  const child = spawn(
    process.execPath,
    [
      '--no-warnings',
      '--input-type=module',
      '-e',
      program,
      moduleUrl().href,
      JSON.stringify(inputs),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: BARE_ENVIRONMENT },
  )
  t.teardown(() => child.kill('SIGKILL'))
  const said = (await child.stdout.toArray()).join('').trim().split('\n')
  const results = said.map((line) => JSON.parse(line) as [string, string])
  for (const [name, result] of results.slice(0, -calls.length)) t.equal(result, 'allowed', name)
  t.match(results.at(-4)![1], TEXT)
  t.match(victims.harm(), [/there is .*made/, /connections came/, /the process was touched/])
})

function openHostile(t: Test, options: Partial<PoolOptions>) {
  return openPool(t, { kinds: HOSTILE_KINDS, kindsModule: moduleUrl(), ...options })
}

function moduleUrl(): URL {
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
async function openVictims(t: Test) {
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
  const sleeper = spawn('sleep', ['600'], { stdio: 'ignore' })
  t.teardown(() => sleeper.kill('SIGKILL'))
  await once(sleeper, 'spawn')
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

function readdirSyncOrNone(folder: URL): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
