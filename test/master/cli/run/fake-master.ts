// A master and its slaves in this process, as `askfirst run` sees them: blobs, tasks whose programs are functions,
// and the files that they leave.

import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '../../../folder.ts'

/** What a program is given, and what it gives. */
export type Run = { program: string; args: string[]; files: Map<string, Buffer> }
export type Gave = {
  exit?: number
  stdout?: string
  stderr?: string
  stdoutBytes?: number
  files?: Record<string, string>
  failure?: { type: string; message: string }
}
type Body = {
  input: { program: string; args: string[] }
  files?: Record<string, { sha256: string }>
  outputs?: string[]
  [option: string]: unknown
}
type Task = {
  id: string
  body: Body
  status: string
  gave: Gave
  ended: Promise<void>
  end: () => void
}

const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** `run` is the program of every task. */
export async function createFakeMaster(t: Teardown, run: (given: Run) => Gave | Promise<Gave>) {
  const blobs = new Map<string, Buffer>()
  const tasks = new Map<string, Task>()
  const byKey = new Map<string, Task>()
  const seen = {
    /** Method and path of each request, in order. */
    requests: [] as string[],
    bodies: [] as Body[],
    /** Arguments of each program that ran. */
    ran: [] as string[],
    cancelled: 0,
  }
  const answers: {
    /** Replies instead of the usual one where it gives something. */
    before?: (request: string) => { status: number; body?: unknown; bytes?: Buffer } | undefined
    able: boolean
  } = { able: true }

  function begin(body: Body): Task {
    const files = new Map(
      Object.entries(body.files ?? {}).map(([name, { sha256 }]) => {
        return [name, blobs.get(sha256) as Buffer] as const
      }),
    )
    const { program, args } = body.input
    seen.ran.push([program, ...args].join(' '))
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    const task: Task = {
      id: `task-${tasks.size + 1}`,
      body,
      status: 'in progress',
      gave: {},
      ended,
      end,
    }
    void (async () => {
      const gave = await run({ program, args, files })
      if (task.status === 'cancelled') return
      task.gave = gave
      task.status = gave.failure || (gave.exit ?? 0) !== 0 ? 'failed' : 'done'
      end()
    })()
    tasks.set(task.id, task)
    return task
  }

  function shown({ id, status, gave }: Task) {
    const { exit = 0, stdout = '', stderr = '', stdoutBytes = stdout.length } = gave
    const result = { exitCode: exit, signal: null, stdout, stderr, stdoutBytes, stderrBytes: 0 }
    const files = Object.entries(gave.files ?? {}).map(([name, text]) => {
      return { name, bytes: text.length, sha256: sha256Of(Buffer.from(text)) }
    })
    const about = { id, kind: 'command', status, slave: 'slave-1', asked: [] }
    if (status === 'done') return { ...about, result, files }
    const ended = { type: 'exit-code', message: `ended with exit code ${exit}`, exitCode: exit }
    if (status !== 'failed') return about
    return gave.failure ? { ...about, failure: gave.failure } : { ...about, failure: ended, result }
  }

  async function reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request
    const sent = Buffer.concat((await request.toArray()) as Buffer[])
    const json = (status: number, body: unknown, more: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-type': 'application/json', ...more })
      response.end(method === 'HEAD' ? undefined : JSON.stringify(body))
    }
    seen.requests.push(`${method} ${path}`)
    const other = answers.before?.(`${method} ${path}`)
    if (other?.bytes) return void response.writeHead(other.status).end(other.bytes)
    if (other) return json(other.status, other.body)
    const [, room = '', name = '', , ...rest] = path.split('/')
    if (path === '/slaves') {
      const slave = { name: 'slave-1', kinds: ['command'], state: 'free', slots: 2 }
      return json(200, { slaves: [slave] })
    }
    if (path === '/tasks?dry-run') {
      const state = answers.able ? 'free' : 'unable'
      const reason = answers.able ? '' : 'does not run "flax"'
      const slaves = [{ slave: 'slave-1', available: answers.able, state, reason }]
      return json(200, { wouldAsk: answers.able ? 'slave-1' : null, slaves })
    }
    if (room === 'blobs' && method === 'PUT') {
      const sha256 = sha256Of(sent)
      blobs.set(sha256, sent)
      return json(201, { sha256, bytes: sent.length, type: 'application/octet-stream' })
    }
    if (room === 'blobs') return json(blobs.has(name) ? 200 : 404, { type: 'no-such-blob' })
    if (path === '/tasks') {
      const key = String(headers['idempotency-key'])
      const known = byKey.get(key)
      const task = known ?? begin(JSON.parse(sent.toString()) as Body)
      if (!known) seen.bodies.push(task.body)
      byKey.set(key, task)
      if (headers.prefer !== undefined) await task.ended
      const replayed: Record<string, string> = known ? { 'idempotency-replayed': 'true' } : {}
      return json(200, shown(task), replayed)
    }
    const task = tasks.get(name)
    if (!task) return json(404, { type: 'no-such-task' })
    if (method === 'DELETE') {
      if (task.status !== 'in progress') return json(409, { type: 'already-ended' })
      task.status = 'cancelled'
      seen.cancelled++
      task.end()
      return json(200, shown(task))
    }
    if (rest.length > 0) {
      const text = task.gave.files?.[decodeURIComponent(rest.join('/'))]
      return void response.writeHead(text === undefined ? 404 : 200).end(text)
    }
    if (headers.prefer !== undefined) await task.ended
    json(200, shown(task))
  }

  const server = createServer((request, response) => void reply(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, answers, blobs }
}
