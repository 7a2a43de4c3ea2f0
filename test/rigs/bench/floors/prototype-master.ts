// Floor (c), the middle of the durable prototype: the same promise as the master (nothing is acknowledged
// before it is on the disk) with lists in both directions and group commits, and nothing else around it: no
// limits, retries, trails, policies or views. What askfirst should cost. In argv: the slave's URL.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import Fastify from 'fastify'
import { Pool } from 'undici'
import { acceptedOf } from './answer.ts'
import type { Row } from './prototype-store.ts'

type Body = { expression: string }
type Task = { id: number; expression: string; done?: (result: unknown) => void }

/** Offers of one message, and messages under way. */
const LIST_MAX = 512
const WINDOW = 2

const folder = mkdtempSync(join(tmpdir(), 'askfirst-floor-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
process.once('SIGTERM', () => process.exit(0))
const store = openStore(join(folder, 'tasks.sqlite'))
const pool = new Pool(process.argv[2] as string, { connections: 4, pipelining: 1 })
const headers = { 'content-type': 'application/json' }
const live = new Map<number, Task>()
const queue: Task[] = []
let underWay = 0
let planned = false
let made = 0
let done = 0

const server = Fastify({ bodyLimit: 16 * 1024 * 1024, keepAliveTimeout: 60_000 })
const one = {
  type: 'object',
  required: ['expression'],
  properties: { expression: { type: 'string', maxLength: 4096 } },
}

server.post('/tasks', { schema: { body: one } }, async (request, reply) => {
  const waits = request.headers.prefer !== undefined
  const { saved, ended, id } = accept(request.body as Body)
  reply.header('location', `/tasks/${id}`)
  if (waits) return { id, status: 'done', result: await ended }
  await saved
  reply.code(202)
  return acceptedOf(String(id))
})

server.post('/tasks/batch', async (request) => {
  const { tasks } = request.body as { tasks: Body[] }
  const all = tasks.map(accept)
  await all.at(-1)?.saved
  return { tasks: all.map(({ id }) => ({ code: 202, ...acceptedOf(String(id)) })) }
})

server.post('/callbacks', (request, reply) => {
  const outcomes = request.body as unknown[]
  for (let i = 0; i < outcomes.length; i += 2) finish(outcomes[i] as number, outcomes[i + 1])
  reply.code(204).send()
})

server.get('/status', () => ({ tasks: { done } }))

process.stdout.write(`floor listens at ${await server.listen({ host: '127.0.0.1', port: 0 })}\n`)

function accept({ expression }: Body) {
  const id = ++made
  const task: Task = { id, expression }
  const ended = new Promise((resolve) => void (task.done = resolve))
  const saved = new Promise<void>((resolve) => store.add([id, expression, null], resolve))
  live.set(id, task)
  queue.push(task)
  plan()
  return { id, saved, ended }
}

function plan(): void {
  if (planned) return
  planned = true
  setImmediate(() => {
    planned = false
    while (queue.length > 0 && underWay < WINDOW) void send(queue.splice(0, LIST_MAX))
  })
}

async function send(tasks: Task[]): Promise<void> {
  underWay++
  const body = JSON.stringify(tasks.flatMap(({ id, expression }) => [id, expression]))
  const answer = await pool.request({ method: 'POST', path: '/offers', headers, body })
  await answer.body.dump()
  underWay--
  if (queue.length > 0) plan()
}

function finish(id: number, result: unknown): void {
  const task = live.get(id)
  if (!task) return
  live.delete(id)
  store.add([id, null, JSON.stringify(result)], () => {
    done++
    task.done?.(result)
  })
}

/** Commits in a thread; what comes meanwhile goes into the next commit. */
function openStore(file: string) {
  const thread = new Worker(new URL('./prototype-store.ts', import.meta.url), { workerData: file })
  let rows: Row[] = []
  let after: (() => void)[] = []
  let committing: (() => void)[] | null = null
  thread.on('message', () => {
    const saved = committing ?? []
    committing = null
    for (const run of saved) run()
    if (rows.length > 0) commit()
  })
  return {
    add(row: Row, saved: () => void): void {
      rows.push(row)
      after.push(saved)
      if (rows.length === 1 && committing === null) setImmediate(commit)
    },
  }

  function commit(): void {
    if (committing !== null || rows.length === 0) return
    committing = after
    thread.postMessage(rows)
    rows = []
    after = []
  }
}
