// Hostile and runaway expressions, over HTTP, on a real slave: each ends in a typed failure, the
// agent answers all the while, and the next task on that slave is right.

import t from 'tap'
import { watchLag } from '../../master/observe/event-loop-lag.ts'
import { FAILURES } from '../../shared/protocol/wire.ts'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { ended, getJson, post, sleep, until } from '../requests.ts'
import { childrenOf, cpuUs } from '../rigs/cluster/proc.ts'
import { startMaster, startSlave } from '../rigs/cluster/programs.ts'

const RUN_LIMIT_MS = 1000
/** What the executor's death and its heir's start may take beside, on a machine that is busy. */
const OVER_LIMIT_MS = 1500
/** A process that has used so much of the CPU, and then none for so long, has started. */
const STARTED_US = 50_000
const IDLE_MS = 200
const KILLED_WITHIN_MS = 120_000

const HOSTILE: Record<string, { expression: string; number?: string }> = {
  'endless recursion': { expression: 'f(x) = f(x)\nf(1)' },
  'recursion that doubles': { expression: 'f(x) = f(x + 1) + f(x + 2)\nf(1)' },
  'recursion that is deep but ends': { expression: 'f(n) = n == 0 ? 0 : 1 + f(n - 1)\nf(1e9)' },
  'a matrix of 1e9 ones': { expression: 'ones(1e9)' },
  'a matrix of 1e5 by 1e5': { expression: 'zeros(1e5, 1e5)' },
  'an identity of 1e6': { expression: 'identity(1e6)' },
  'a range of 1e12': { expression: '1:1e12' },
  'a matrix product of 1e9 steps': { expression: 'A = ones(1000, 1000)\nA * A * A' },
  'maps in maps': { expression: 'map(1:1e5, f(x) = sum(map(1:1e5, g(y) = x * y)))' },
  '20,000 digits': { expression: '9 ^ 21000', number: 'bigint' },
  '20,000 digits of a Fraction': { expression: '(1/3) ^ 42000', number: 'Fraction' },
  'a huge factorial': { expression: 'factorial(1e7)', number: 'BigNumber' },
  'a huge power': { expression: '2 ^ (10 ^ 12)', number: 'bigint' },
  'a string that doubles': {
    expression: 'f(s, n) = n == 0 ? s : f(concat(s, s), n - 1)\nsize(f("aaaaaaaa", 60))',
  },
  'a matrix that doubles': {
    expression: 'f(a, n) = n == 0 ? a : f(concat(a, a), n - 1)\nsize(f([1, 2, 3], 60))',
  },
  'deep brackets': { expression: `${'('.repeat(4000)}1${')'.repeat(4000)}` },
  'deep lists': { expression: `${'['.repeat(4000)}1${']'.repeat(4000)}` },
  'a long chain': { expression: `${'-'.repeat(9000)}1` },
  import: { expression: 'import({f: 1}, {override: true})' },
  config: { expression: 'config({number: "BigNumber"})' },
  evaluate: { expression: 'evaluate("1 + 1")' },
  parse: { expression: 'parse("1 + 1")' },
  compile: { expression: 'compile("1 + 1")' },
  parser: { expression: 'parser()' },
  chain: { expression: 'chain(1)' },
  createUnit: { expression: 'createUnit("mile2", "1 km")' },
  simplify: { expression: 'simplify("x + x")' },
  'the constructor of a function': { expression: 'cos.constructor("return process")()' },
  'the constructor of a list': { expression: '[].constructor.constructor("return 1")()' },
  'the constructor by its name': { expression: '{}["constructor"]' },
  'a property of a string': { expression: '"a".length' },
  '__proto__ read': { expression: 'a = {}\na.__proto__' },
  '__proto__ as a field': { expression: '{"__proto__": 1}' },
  '__proto__ written': { expression: 'a = {}\na["__proto__"] = {b: 1}\na.b' },
  'a function named constructor': { expression: 'constructor(x) = x\nconstructor(1)' },
  toString: { expression: 'f(x) = x\nf.toString()' },
}

/** Asks over and over whether the slave is available; gives how long each answer took. */
function probe(slave: string) {
  const took: number[] = []
  let stopped = false
  const probing = (async () => {
    while (!stopped) {
      const startedAt = performance.now()
      const { message } = await getJson(`${slave}/availability`)
      took.push(performance.now() - startedAt)
      if (!/^I am (not )?available\.$/.test(message)) throw new Error(message)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })()
  return async () => {
    stopped = true
    await probing
    took.sort((a, b) => a - b)
    const at = (share: number): number => took[Math.floor(took.length * share)] ?? 0
    return { probes: took.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1 - 1e-9) }
  }
}

t.test('hostile expressions', async (t) => {
  const limits = ['--run-limit-ms', `${RUN_LIMIT_MS}`, '--attempts-max', '1']
  const { url } = await startMaster(t, folderOf(t), limits)
  const slave = await startSlave(t, url, 'slave-1', ['--slots', '1'])
  const first = await post(`${url}/tasks`, { expression: '1 + 1' }, { prefer: 'wait=30' })
  t.equal(first.body.result, 2, 'the executor has started')
  const stop = probe(slave.url)
  const machine = watchLag()
  t.teardown(machine.close)
  const slowest = { is: '', ms: 0 }
  let n = 0

  for (const [is, task] of Object.entries(HOSTILE)) {
    await t.test(is, async (t) => {
      const { status, body } = await post(`${url}/tasks`, task, { prefer: 'wait=30' })
      t.match({ status, body }, { status: 200, body: { status: 'failed' } })
      t.ok(FAILURES.includes(body.failure?.type), `${body.failure?.type}`)
      t.ok(body.failure?.message.length > 0 && body.failure.message.length <= 4096)
      t.notMatch(body.failure?.message, /node_modules|\.ts:|\.js:/, 'says nothing of our insides')
      const { startedAt, endedAt } = await getJson(`${url}/tasks/${body.id}`)
      const ms = Date.parse(endedAt) - Date.parse(startedAt)
      if (ms > slowest.ms) Object.assign(slowest, { is, ms })
      const mostMs = RUN_LIMIT_MS + OVER_LIMIT_MS + machine.sinceStart().max
      t.ok(ms < mostMs, `ended within its limit: ${ms} ms`)
      n++
      const next = await post(`${url}/tasks`, { expression: `${n} + 1/4` }, { prefer: 'wait=30' })
      t.match(next.body, { status: 'done', result: n + 0.25, slave: 'slave-1' })
    })
  }

  const { probes, p50, p90, p99, max } = await stop()
  const figures = [p50, p90, p99, max].map((ms) => ms.toFixed(1)).join(', ')
  t.comment(`${probes} answers of the agent: p50, p90, p99, max ${figures} ms`)
  t.comment(`slowest: ${slowest.is}, ${slowest.ms} ms`)
  // How late this process is, which does little, is what the machine takes from everybody.
  const late = machine.sinceStart()
  t.comment(`the machine itself: p99, max ${late.p99}, ${late.max} ms`)
  t.ok(p90 < 50 + late.p99, `the agent answers in under 50 ms: p90 ${p90.toFixed(1)} ms`)
  t.ok(max < 1000 + late.max, `and never later than that: ${max.toFixed(1)} ms`)
  t.equal(slave.child.exitCode, null, 'the agent lives')
})

t.test('the death of an executor', { skip: process.platform !== 'linux' }, async (t) => {
  const limits = ['--attempts-max', '3', '--retry-backoff-ms', '10', '--run-limit-ms', '300000']
  const { url } = await startMaster(t, folderOf(t), limits)
  const slave = await startSlave(t, url, 'slave-1', ['--slots', '1', '--kinds', 'sleep'])
  const warm = await post(`${url}/tasks`, sleep(1), { prefer: 'wait=30' })
  t.equal(warm.body.status, 'done')

  const crashes = async (id: string): Promise<number> => {
    const { trail } = await getJson(`${url}/tasks/${id}/trail`)
    return trail.filter(({ event }: Json) => event === 'executor-crashed').length
  }

  /** Kills all executors that have started, again and again: others have no task to take along. */
  async function killUntil(holds: () => Promise<boolean>): Promise<void> {
    await until(async () => {
      const pids = childrenOf(slave.child.pid as number)
      const used = (): number[] => pids.map((pid) => cpuUs(pid).self)
      const before = used()
      await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
      const isIdle = `${before}` === `${used()}`
      if (isIdle && before.every((us) => us > STARTED_US))
        for (const pid of pids) process.kill(pid, 'SIGKILL')
      return holds()
    }, KILLED_WITHIN_MS)
  }

  await t.test('is no death of the task: another try has it', async (t) => {
    // A task may be over before its executor is killed, on a machine that is busy: then another.
    let task: Json
    do {
      const { body } = await post(`${url}/tasks`, sleep(1000))
      const hasEnded = async () => (await getJson(`${url}/tasks/${body.id}`)).endedAt !== null
      await killUntil(async () => (await crashes(body.id)) > 0 || (await hasEnded()))
      task = await ended(url, body.id)
    } while ((await crashes(task.id)) === 0)
    t.match(task, { status: 'done', result: { sleptMs: 1000 }, slave: 'slave-1' })
    t.ok(task.tries >= 2, `${task.tries} tries`)
  })

  await t.test('ends a task that always takes it along', async (t) => {
    const { body } = await post(`${url}/tasks`, sleep(2 * KILLED_WITHIN_MS))
    await killUntil(async () => (await getJson(`${url}/tasks/${body.id}`)).endedAt !== null)
    const task = await getJson(`${url}/tasks/${body.id}`)
    t.match(task, { status: 'failed', tries: 3, failure: { type: 'poison' } })
    t.match(task.failure.message, /slave-1, slave-1, slave-1/)
    t.equal(await crashes(body.id), 3)
  })

  await t.test('never takes the agent along', async (t) => {
    t.equal(slave.child.exitCode, null)
    t.match(await getJson(`${slave.url}/availability`), { available: true, free: 1 })
    const next = await post(`${url}/tasks`, sleep(2), { prefer: 'wait=30' })
    t.match(next.body, { status: 'done', result: { sleptMs: 2 } })
  })
})
