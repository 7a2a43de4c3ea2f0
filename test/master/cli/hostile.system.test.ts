// A master, and so whoever it got its texts from, cannot steer the terminal of who reads them: every
// command is fed hostile text in every field.

import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { duration } from '../../../master/cli/output.ts'
import { CLIENT_COMMANDS } from '../../../master/cli/program.ts'
import { begin } from './askfirst.ts'
import { runProgram } from './in-process.ts'

/** What a terminal obeys, or what begins a line, turns one or is unpaired surrogate. */
const HOSTILE = 'a\u001b]0;X\u0007b\u001b[2Jc\u009b31md\u007fe\u202ef\u2066g\ud800h\rFORGED\nFORGED'
/** An operand of a shell is well-formed. */
const OPERAND = HOSTILE.replace('\ud800', '')
const ID = '01234567-89ab-7def-8123-456789abcdef'
const NOW = '2026-01-01T00:00:00.000Z'

/** Escapes of cli-progress and of the screen of `watch`: of ours, and no others. */
const ESC = '\u001b'
const OURS = new RegExp(
  `${ESC}[78]|${ESC}\\[(\\?25[hl]|\\?1049[hl]|\\?7[hl]|[HJK]|\\d+[ABCDGJK])|\r`,
  'g',
)
const ANY = /[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}\ufffd]/u

const asked = [{ slave: HOSTILE, answer: HOSTILE, reason: HOSTILE, ms: 1 }]
const failure = { type: HOSTILE, message: HOSTILE, field: HOSTILE }
const taskOf = (status: string) => ({
  id: ID,
  kind: HOSTILE,
  status,
  message: HOSTILE,
  slave: HOSTILE,
  asked,
  input: { expression: HOSTILE, [HOSTILE]: HOSTILE },
  tags: [HOSTILE],
  tries: 1,
  runLimitMs: 1,
  createdAt: NOW,
  startedAt: NOW,
  endedAt: NOW,
  ...(status === 'failed' ? { failure } : { result: HOSTILE, resultText: HOSTILE }),
})
const jobOf = (status: string) => ({
  ...taskOf(status),
  ms: 1,
  stages: [
    { name: HOSTILE, total: 2, done: 1, running: 1, again: 1, ms: 5, stragglers: [] },
    { name: `2${HOSTILE}`, total: 2, done: 2, running: 0, again: 0, ms: 5, stragglers: [] },
  ],
  ...(status === 'done' ? { file: { name: HOSTILE, type: HOSTILE, sha256: HOSTILE } } : {}),
})
const status = {
  version: HOSTILE,
  accepting: true,
  upMs: 1234.5678,
  running: 1,
  waiting: 1,
  slots: { free: 1, total: 2 },
  slaves: { alive: 1, registered: 1 },
  tasks: { [HOSTILE]: 1 },
  counters: {
    accepted: 1,
    asks: 1,
    attemptsLost: 0,
    refused: { [HOSTILE]: 1 },
    ended: { done: 1 },
  },
  eventLoopLagMs: { p99: 5.380000000000001, max: 17.123456789 },
}
const slave = {
  place: 1,
  name: HOSTILE,
  state: HOSTILE,
  reason: HOSTILE,
  url: HOSTILE,
  slots: 2,
  free: 1,
  ended: 1,
  serviceMs: 1,
  heardMs: 1,
}
const trail = ['taken', 'busy', 'lost', 'failed', 'silence', HOSTILE].map((event) => {
  return { at: NOW, event, slave: HOSTILE, reason: HOSTILE, ms: 1 }
})
const problem = {
  type: `https://askfirst/problems/${HOSTILE}`,
  title: HOSTILE,
  detail: HOSTILE,
  errors: [{ field: HOSTILE, rule: HOSTILE }],
  asked,
}

/** What a master answers; `end` is how tasks end, `refuses` whether it refuses all. */
function answer(request: IncomingMessage, end: string, refuses: boolean): [number, unknown] {
  const { method, url = '' } = request
  const path = url.split('?', 1)[0] as string
  if (refuses) return [422, { ...problem, status: 422 }]
  if (url.includes('dry-run'))
    return [
      200,
      { wouldAsk: null, slaves: [{ slave: HOSTILE, available: false, reason: HOSTILE }] },
    ]
  if (path === '/status') return [200, status]
  if (path === '/slaves') return [200, { slaves: [slave] }]
  if (path === '/tasks' && method === 'GET') return [200, { tasks: [taskOf(end)], next: null }]
  if (path === '/jobs' && method === 'GET') return [200, { jobs: [jobOf(end)], next: null }]
  if (path === '/tasks/batch')
    return [200, { tasks: Array.from({ length: 200 }, () => taskOf(end)) }]
  if (path.endsWith('/trail')) return [200, { id: ID, trail }]
  if (path.startsWith('/jobs')) return [method === 'POST' ? 202 : 200, jobOf(end)]
  if (path.startsWith('/slaves')) return [200, { message: HOSTILE }]
  return [method === 'POST' ? 202 : 200, taskOf(end)]
}

async function openMaster(t: Tap, end: string, refuses: boolean): Promise<string> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    request.resume()
    if (request.url?.startsWith('/events') && !refuses) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const data = JSON.stringify({ id: ID, reason: HOSTILE, [HOSTILE]: HOSTILE })
      response.write(`id: 1${'\u001b]0;X\u0007'}\nevent: task\u009b\u202e\ndata: ${data}\n\n`)
      return
    }
    const isFile = request.url?.includes('/result') && !refuses
    const [code, body] = answer(request, end, refuses)
    response.writeHead(code, {
      'content-type': isFile
        ? 'text/plain'
        : refuses
          ? 'application/problem+json'
          : 'application/json',
      'retry-after': '0',
    })
    // As bytes that JSON.stringify would escape: a hostile master writes what it likes.
    response.end(isFile ? HOSTILE : JSON.stringify(body).replaceAll('\\u007f', '\u007f'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

type Tap = { teardown(fn: () => void): void }

/** Where `run` keeps its progress. */
const states = t.testdir()

/** How each command is given. A new command must be here. */
const CALLS: Record<string, string[][]> = {
  submit: [['1'], ['--no-wait', '1'], ['--file', join(import.meta.dirname, 'askfirst.ts')]],
  run: [['--again', '--', 'x', ':::', OPERAND]],
  tasks: [[]],
  task: [['last']],
  why: [[ID], []],
  cancel: [[ID]],
  retry: [[ID]],
  job: [['word-count'], [ID], ['--no-wait', ID], ['-o', '-', ID]],
  jobs: [[]],
  slaves: [[]],
  drain: [[OPERAND]],
  resume: [[OPERAND]],
  status: [[]],
  watch: [['--times', '2', '--every', '0.1']],
  events: [[]],
  bench: [['--tasks', '3']],
  doctor: [['--port', '1', '--host', '127.0.0.1']],
}

t.test('there is a call for every command', async (t) => {
  const names = CLIENT_COMMANDS.map((make) => make(() => async () => {}).name())
  t.same(names.sort(), Object.keys(CALLS).sort())
})

for (const refuses of [false, true]) {
  for (const end of refuses ? ['done'] : ['done', 'failed', 'in progress']) {
    t.test(
      `hostile text is harmless: ${refuses ? 'all is refused' : `tasks are ${end}`}`,
      async (t) => {
        const url = await openMaster(t, end, refuses)
        for (const [name, calls] of Object.entries(CALLS)) {
          // It would be waited for without end.
          if (end === 'in progress' && ['submit', 'run', 'bench', 'job'].includes(name)) continue
          for (const argv of calls) {
            for (const [isTTY, json] of [
              [true, false],
              [false, false],
              [true, true],
            ] as const) {
              const said = await run(url, name, json ? ['--json', ...argv] : argv, isTTY)
              const about = `${name} ${argv.join(' ')}${json ? ' --json' : ''}${isTTY ? ' in a terminal' : ''}`
              const text = said.text.replaceAll(OURS, '')
              // A file has lines, and is whole where no terminal is.
              const isFile = argv.includes('-o') && end === 'done' && !refuses
              if (isFile && !isTTY) t.equal(said.text, Buffer.from(HOSTILE).toString())
              else
                t.notMatch(
                  isFile ? text.replaceAll('\ufffd', '') : text,
                  ANY,
                  JSON.stringify(about),
                )
              if (!isFile) t.notMatch(text, /^FORGED/m, JSON.stringify(about))
              if (!refuses) t.equal(said.error, undefined, JSON.stringify(about))
            }
          }
        }
      },
    )
  }
}

t.test('what ends the process is harmless, too', async (t) => {
  const url = await openMaster(t, 'done', true)
  for (const args of [
    ['status'],
    ['submit', '1'],
    ['submit', '--file', '-'],
    [`\u001b]0;X\u0007`],
  ]) {
    const { stdout, stderr } = await begin(t, url, args, { input: '1\n' }).ran
    t.notMatch(`${stdout}${stderr}`, ANY)
    t.notMatch(`${stdout}${stderr}`, /^FORGED/m)
  }
})

t.test('figures for people are rounded and have units', async (t) => {
  const url = await openMaster(t, 'done', false)
  for (const [name, calls] of Object.entries(CALLS)) {
    for (const argv of calls) {
      const { text } = await run(url, name, argv, true)
      t.notMatch(text, /\d\.\d{4,}/, JSON.stringify(`${name} ${argv}`))
    }
  }
  const { text } = await run(url, 'status', [], true)
  t.match(text, 'up for 1.2 s')
  t.match(text, 'lag        5.4 ms (99 %), 17 ms at most')
  t.equal(duration(9.96), '10 ms')
  t.equal(duration(999.7), '1 s')
})

t.test('only one file of the command line writes to a stream', async (t) => {
  const folder = join(import.meta.dirname, '../../../master/cli')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (name === 'output.ts' || !/\.m?[jt]s$/.test(name)) continue
    const writes = readFileSync(join(folder, name), 'utf8').match(
      /\b(console|std\w+)\.write\(.+|console\.\w+\(/g,
    )
    // The last says what to do on a Node that cannot load any of this; the other writes nothing.
    const allowed = name === 'main.ts' || name === 'askfirst.mjs' ? 1 : 0
    t.equal(writes?.length ?? 0, allowed, `${name}: ${writes}`)
  }
})

/** Runs a command in this process. `events` would not end by itself. */
const run = (url: string, name: string, argv: string[], isTTY: boolean) =>
  runProgram([name, ...argv], {
    url,
    isTTY,
    env: { XDG_STATE_HOME: states },
    ...(name === 'events' ? { stopMs: 300 } : {}),
  })
