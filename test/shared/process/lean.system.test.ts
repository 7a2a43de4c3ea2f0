import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { compileCacheFolder } from '../../../shared/process/compile-cache.ts'
import { LEAN_OPTIONS } from '../../../shared/process/lean.ts'
import { BEFORE, COMMAND, ROOT } from '../../rigs/cluster/launch.ts'

const LEAN = `${ROOT}shared/process/lean.ts`
const SCRIPT = `
  import { startLean } from ${JSON.stringify(LEAN)}
  startLean()
  const { pid, execArgv, argv, env } = process
  console.log(JSON.stringify({ pid, execArgv, args: argv.slice(2), cache: env.NODE_COMPILE_CACHE }))
  process.disconnect?.()
`

type Said = { pid: number; execArgv: string[]; args: string[]; cache?: string }

/** What the script says of itself, and the id of the process that was started. */
async function run(t: Tap, options: string[], { ipc = false } = {}) {
  const folder = t.testdir({ 'program.mjs': SCRIPT })
  const words = [...BEFORE, ...options, `${folder}/program.mjs`, '--port', '0']
  const stdio = ['ignore', 'pipe', 'inherit', ...(ipc ? (['ipc'] as const) : [])] as const
  const child = spawn(COMMAND, words, { stdio: [...stdio], env: { PATH: process.env.PATH } })
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await once(child, 'close')
  return { said: JSON.parse(text) as Said, pid: child.pid }
}

type Tap = { testdir: (files: Record<string, string>) => string }

const skip = process.execve === undefined && 'no execve on this system'

t.test('a program starts again in its own process, with the options', { skip }, async (t) => {
  const { said, pid } = await run(t, ['--stack-size=900'])
  t.equal(said.pid, pid)
  t.same(said.execArgv, [...LEAN_OPTIONS, '--stack-size=900'])
  t.same(said.args, ['--port', '0'])
  t.equal(said.cache, compileCacheFolder)
})

t.test('a program that was given one of the options keeps what it was given', async (t) => {
  const { said } = await run(t, ['--max-semi-space-size=2'])
  t.same(said.execArgv, ['--max-semi-space-size=2'])
})

t.test('a child with a channel to its parent keeps it', async (t) => {
  const { said } = await run(t, [], { ipc: true })
  t.same(said.execArgv, [])
})
