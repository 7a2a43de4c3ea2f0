// What a kind's code can reach in an executor. Goes through all built-in modules, so that a new one in
// another version of Node is tried too; isolation.system.test.ts calls all their functions.

import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findPrlimit } from '../../../slave/executor/confine.ts'
import { own } from '../../rigs/cluster/launch.ts'
import { BARE_ENVIRONMENT } from './bare-children.ts'
import type { How } from './fixtures/hostile-kinds.ts'
import { ATTACKS } from './fixtures/hostile-kinds.ts'
import {
  guards,
  MODULES,
  moduleUrl,
  NOT_THERE,
  openHostile,
  openSleeper,
  openVictims,
  packHostile,
  TEXT,
} from './hostile.ts'

/** What a kind may load when it is ready: it computes, and acts on nothing. */
const COMPUTE =
  /^(assert|async_hooks|buffer|constants|crypto|diagnostics_channel|events|path|perf_hooks|punycode|querystring|stream|string_decoder|timers|url|util|zlib)(\/|$)/
const WITH_FILES = /^fs(\/|$)/
const snapshot = await packHostile(t)
const all = [...guards, ['an executor from a snapshot', () => ({ snapshot })]] as typeof guards
for (const [guard, options] of all) {
  t.test(`${guard} loads only modules that compute`, async (t) => {
    const { compute } = openHostile(t, options(t))
    const may = (name: string) =>
      COMPUTE.test(name) || (/files/.test(guard) && WITH_FILES.test(name))
    // Code in a snapshot imports nothing at all.
    const refusal = /snapshot/.test(guard) ? /^ERR_(ACCESS_DENIED|VM_)/ : /^ERR_ACCESS_DENIED$/
    for (const how of ['import', 'require', 'process.getBuiltinModule'] satisfies How[]) {
      for (const name of MODULES) {
        for (const written of [name, `node:${name}`]) {
          const { result } = (await compute('load', { name: written, how })) as { result: unknown }
          if (may(name)) t.match(result, /^(loaded|unknown|ERR_)/, `${how} ${written}`)
          else t.match(result, refusal, `${how} ${written}`)
        }
      }
    }
    const other = { name: 'sharp', how: 'import' }
    t.match(await compute('load', other), { result: refusal })
  })

  t.test(`${guard} does no harm with modules that were loaded before it was ready`, async (t) => {
    const { compute, troubles } = openHostile(t, options(t))
    const { result } = (await compute('held')) as { result: string[] }
    // What a snapshot cannot load.
    const absent = /snapshot/.test(guard) ? [...NOT_THERE, 'repl'] : NOT_THERE
    const there = MODULES.filter((name) => !absent.includes(name))
    t.same(result.sort(), [...there, 'globalThis'].sort())
    t.same(troubles, [], 'no child started in another way instead')
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
  const inputs: [string, unknown][] = []
  for (const name of attacks) {
    const folder = join(target.folder, name.replaceAll(' ', '-'))
    mkdirSync(folder)
    // Each attack has a process of its own: one that an earlier attack ended is no longer there.
    const { pid } = await openSleeper(t)
    inputs.push([name, { ...target, folder, pid }])
  }
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
  const { end } = own(child)
  t.teardown(() => end('SIGKILL'))
  const said = (await child.stdout.toArray()).join('').trim().split('\n')
  const results = said.map((line) => JSON.parse(line) as [string, string])
  for (const [name, result] of results.slice(0, -calls.length)) t.equal(result, 'allowed', name)
  t.match(results.at(-4)![1], TEXT)
  t.match(victims.harm(), [/there is .*made/, /connections came/, /the process was touched/])
})
