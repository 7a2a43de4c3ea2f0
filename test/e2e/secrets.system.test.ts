// Canaries: secrets that are given to master and slave in every way there is, and looked for in all
// that comes out of them.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Agent, request } from 'undici'
import { folderOf } from '../folder.ts'
import { until } from '../requests.ts'
import { BEFORE, COMMAND } from '../rigs/cluster/launch.ts'
import { startProcess } from '../rigs/cluster/programs.ts'
import { createIdentities } from './guarded.ts'

const ROOT = new URL('../../', import.meta.url).pathname
/** The slave runs a program. Root must say as whom. */
const PROGRAMS = ['--commands', 'true']
if (process.getuid?.() === 0) PROGRAMS.push('--commands-user', 'nobody')
/** Looks like a secret of each sort, and is none. */
const CANARY = 'CanarySecret'
const canary = (prefix: string): string => `${prefix}${CANARY.padEnd(43, 'x')}`

t.test('secrets come out nowhere', async (t) => {
  const folder = folderOf(t)
  const data = join(folder, 'master')
  mkdirSync(data)
  const { key, joinLine, ca } = await createIdentities(data)
  const reports = join(folder, 'reports')
  mkdirSync(reports)
  const loud = ['--host', '127.0.0.1', '--log-level', 'trace']
  const reporting = ['--report-on-signal', '--report-signal=SIGUSR2']
  reporting.push(`--report-directory=${reports}`)
  const master = await startProcess(
    t,
    'master/main.ts',
    [...loud, '--port', '0', '--data', data, '--heartbeat-ms', '1000'],
    {},
    reporting,
  )
  const line = joinLine(master.url)
  const slave = await startProcess(
    t,
    'slave/main.ts',
    [
      ...loud,
      ...PROGRAMS,
      '--name',
      's',
      '--port',
      '0',
      '--executors',
      '1',
      '--data',
      join(folder, 's'),
    ],
    { ASKFIRST_JOIN: line },
    reporting,
  )
  const agent = new Agent({ connect: { ca, checkServerIdentity: () => undefined } })
  t.teardown(() => agent.destroy())
  /** All that was answered, heads and bodies. */
  let answered = ''
  const ask = async (
    method: string,
    url: string,
    headers: Record<string, string>,
    body?: unknown,
  ) => {
    const reply = await request(url, {
      method: method as 'GET',
      headers: { 'content-type': 'application/json', ...headers },
      body: body === undefined ? null : JSON.stringify(body),
      dispatcher: agent,
    })
    const streams = /event-stream/.test(String(reply.headers['content-type']))
    if (streams) {
      for await (const chunk of reply.body) {
        answered += String(chunk)
        if (String(chunk).includes('event:')) break
      }
    } else answered += JSON.stringify(reply.headers) + (await reply.body.text())
    return reply.statusCode
  }
  const good = { authorization: `Bearer ${key}` }
  await until(async () => (await ask('GET', `${master.url}/slaves`, good)) === 200)
  const planted: Record<string, string> = {
    authorization: `Bearer ${canary('afk_')}`,
    cookie: `askfirst-session=${canary('')}; other=${CANARY}`,
    'proxy-authorization': `Basic ${CANARY}`,
    'x-api-key': CANARY,
    'x-forwarded-for': CANARY,
  }
  const task = { expression: '1+1' }
  for (const url of [master.url, slave.url]) {
    for (const path of ['/status', '/nothing', '/offers', '/tasks', '/partitions/a/b/c']) {
      for (const [name, value] of Object.entries(planted)) {
        await ask('GET', url + path, { [name]: value })
        await ask('POST', url + path, { [name]: value }, task)
      }
    }
  }
  await ask('POST', `${master.url}/session`, {}, { key: canary('afk_') })
  await ask('POST', `${master.url}/session`, {}, { key: CANARY, more: CANARY })
  await ask('POST', `${master.url}/join`, {}, { token: canary('afj_'), name: 'a', request: CANARY })
  const { authorization: _, ...others } = planted
  t.equal(
    await ask('POST', `${master.url}/tasks`, { ...others, ...good, prefer: 'wait=60' }, task),
    200,
  )
  const program = { program: 'true', env: { A: 'b' }, secretEnv: { TOKEN: CANARY } }
  const run = { kind: 'command', input: program, tags: ['program'] }
  const patient = { ...good, prefer: 'wait=60' }
  t.equal(await ask('POST', `${master.url}/tasks`, patient, run), 200)
  for (const wrong of [{ '1X': CANARY }, { X: `${CANARY}\0` }, CANARY]) {
    const bad = { ...run, input: { ...program, secretEnv: wrong } }
    t.equal(await ask('POST', `${master.url}/tasks`, good, bad), 400)
  }
  for (const path of [
    '/status',
    '/slaves',
    '/tasks?tag=program',
    '/tasks',
    '/jobs',
    '/events',
    '/overview',
    '/metrics',
  ]) {
    await ask('GET', master.url + path, { ...good, 'last-event-id': 'x-0' })
  }
  for (const { child } of [master, slave]) child.kill('SIGUSR2')
  let written: string[] = []
  await until(async () => {
    written = readdirSync(reports).map((name) => readFileSync(join(reports, name), 'utf8'))
    // A report that is still being written is no JSON yet.
    return written.filter((text) => JSON.parse(text)).length === 2
  }, 20_000)

  const env = { ...process.env, ASKFIRST_JOIN: line, NODE_OPTIONS: '' }
  const help = ['master', 'slave'].map((name) =>
    execFileSync(COMMAND, [...BEFORE, `${ROOT}${name}/main.ts`, '--help'], {
      env,
      encoding: 'utf8',
    }),
  )
  // A setting that is wrong, and one in the arguments: the words name it and do not repeat it.
  const wrong = [
    spawnSync(COMMAND, [...BEFORE, `${ROOT}slave/main.ts`, '--data', folder], {
      env: { ...env, ASKFIRST_JOIN: `${CANARY}@https://h#sha256:0` },
      encoding: 'utf8',
    }),
    spawnSync(COMMAND, [...BEFORE, `${ROOT}slave/main.ts`, `--join=${CANARY}`], {
      env,
      encoding: 'utf8',
    }),
  ]
  for (const { status } of wrong) t.equal(status, 64)

  const out: Record<string, string> = {
    answers: answered,
    "the master's log": master.stderr(),
    "the slave's log": slave.stderr(),
    reports: written.join('\n'),
    help: help.join('\n'),
    'words about settings': wrong.map(({ stderr, stdout }) => stderr + stdout).join('\n'),
  }
  const token = line.split('@')[0] as string
  for (const [where, text] of Object.entries(out)) {
    t.ok(text.length > 50, `${where}: there is something to look at`)
    for (const secret of [CANARY, key, token, 'PRIVATE KEY']) {
      t.notOk(text.includes(secret), `${where}: no ${secret.slice(0, 4)}`)
    }
    // Nor where our files are, nor a stack.
    if (where === 'answers') t.notMatch(text, /node_modules|\.ts:\d|\bat \w+ \(|\/tmp\//)
  }
})
