// A client under load: it submits tasks that sleep, reads what became of them, and counts what no
// client should meet. It decides nothing: when to send, and what to do after a refusal, is the phase's.

import { Pool } from 'undici'

/** The answer to a POST, and when it was sent and read (milliseconds, monotonic). */
export type Answer = {
  from: number
  to: number
  status: number
  /** The accepted task. */
  id: string
  /** Seconds, of a refusal; null when it did not say. */
  retryAfter: number | null
}

/** A task from its POST to its end. */
export type Sample = Answer & {
  /** When its result was read; null: it was refused, or went wrong. */
  endedAt: number | null
  sleepMs: number
}

/** Longer than anything here takes: a request that is held for so long has failed. */
const WAIT_SECONDS = 60

export type Client = ReturnType<typeof createClient>

/** A client of the master at `url`, with as many connections as it takes. */
export function createClient(url: string) {
  const pool = new Pool(url, { pipelining: 1 })
  const errors = new Map<string, number>()

  return {
    submit,
    isDone,
    take,

    /** The whole of it in one request, which waits first for a slave and then for the result. */
    async complete(sleepMs: number): Promise<boolean> {
      const said = await submit(sleepMs, { prefer: `wait=${WAIT_SECONDS}` })
      if (said.status === 202) mistake('no result within the wait')
      return said.status === 200
    },

    /** Milliseconds that GET `path` takes. */
    async look(path: string): Promise<{ from: number; to: number }> {
      const from = performance.now()
      const { status } = await request('GET', path)
      if (status !== 200) mistake(`GET ${path}: status ${status}`)
      return { from, to: performance.now() }
    },

    /** What went wrong since the last time, and how often. */
    takeErrors(): Map<string, number> {
      const taken = new Map(errors)
      errors.clear()
      return taken
    },

    close: () => pool.destroy(),
  }

  /** Submits a task. Anything but 202, 200 and the refusal at capacity is an error. */
  async function submit(sleepMs: number, headers: Record<string, string> = {}): Promise<Answer> {
    const from = performance.now()
    const task = { kind: 'sleep', input: { ms: sleepMs } }
    const said = await request('POST', '/tasks', headers, task)
    const to = performance.now()
    if (said.status === 503) noteRefusal(said)
    else if (said.status !== 202 && said.status !== 200) mistake(`POST: status ${said.status}`)
    return { from, to, status: said.status, id: said.body.id ?? '', retryAfter: said.retryAfter }
  }

  function noteRefusal({ body, retryAfter, contentType }: Said): void {
    if (body.type !== 'at-capacity') mistake(`refused for another reason: ${body.type}`)
    if (!contentType.startsWith('application/problem+json')) mistake('a refusal is no problem+json')
    if (retryAfter === null) mistake('a refusal without Retry-After')
    else if (!Number.isInteger(retryAfter) || retryAfter < 1) mistake(`Retry-After: ${retryAfter}`)
  }

  /** Waits until the task has ended; anything but done is an error. */
  async function isDone(id: string): Promise<boolean> {
    const { status, body } = await request('GET', `/tasks/${id}`, {
      prefer: `wait=${WAIT_SECONDS}`,
    })
    const done = status === 200 && body.status === 'done'
    if (!done) mistake(`accepted, then status ${status}: ${body.status}`)
    return done
  }

  /** Submits a task, and reads its result when it was accepted. */
  async function take(sleepMs: number): Promise<Sample> {
    const answer = await submit(sleepMs)
    const done = answer.status === 202 && (await isDone(answer.id))
    return { ...answer, sleepMs, endedAt: done ? performance.now() : null }
  }

  type Said = {
    status: number
    contentType: string
    retryAfter: number | null
    body: { id?: string; status?: string; type?: string }
  }

  /** Status 0: the connection broke. */
  async function request(
    method: 'GET' | 'POST',
    path: string,
    headers: Record<string, string> = {},
    body?: unknown,
  ): Promise<Said> {
    try {
      const said = await pool.request({
        method,
        path,
        headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
      })
      const after = said.headers['retry-after']
      return {
        status: said.statusCode,
        contentType: String(said.headers['content-type']),
        retryAfter: after === undefined ? null : Number(after),
        body: (await said.body.json()) as Said['body'],
      }
    } catch (error) {
      mistake(`${method}: ${(error as Error).message}`)
      return { status: 0, contentType: '', retryAfter: null, body: {} }
    }
  }

  function mistake(words: string): void {
    errors.set(words, (errors.get(words) ?? 0) + 1)
  }
}
