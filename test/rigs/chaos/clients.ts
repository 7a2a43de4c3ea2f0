// The clients of a chaos run: they submit, repeat what was not answered, read, list and cancel, and
// write down all of it. They know what they asked for; they judge nothing (checker.ts does).

import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import type { Random } from '../../../shared/data/random.ts'
import type { History, Seen, Wanted } from './history.ts'
import { toSeen } from './history.ts'
import type { Work } from './work.ts'

const CLIENTS = 16
const CONNECTIONS = 24
const PATIENCE_MS = 1_500
/** After no answer, in the mean. */
const REST_MS = 60
const BATCH_MAX = 80
const RUN_LIMIT_MS = 8_000
/** A refused request with a key is repeated at most this often; an unanswered one until the end. */
const REFUSALS_MAX = 3
const SILENCES_MAX = 60
const PAGE = 100
const LAST_PAGE = 1_000
const REREAD_MAX = 2_000

type Answer = { code: number | null; problem?: string; body: Record<string, unknown> }
type Times = { from: number; to: number }

export type Clients = ReturnType<typeof createClients>

/** Clients that speak to the master at `url`, with at most `tasksPerSecond` new tasks. */
export function createClients(given: {
  url: string
  history: History
  random: Random
  work: Work
  tasksPerSecond: number
  /** An acknowledgement was just read. */
  onAcknowledged: () => void
}) {
  const { history, random, work } = given
  const pool = new Pool(given.url, { connections: CONNECTIONS, pipelining: 1 })
  const acknowledged: string[] = []
  const ended: string[] = []
  const isEnded = new Set<string>()
  const isAcknowledged = new Set<string>()
  const usedKeys: { key: string; tag: string }[] = []
  let stopping = false
  let allowance = 0
  let allowedAt = performance.now()
  let keys = 0
  let loops: Promise<void>[] = []

  return {
    get acknowledged() {
      return acknowledged.length
    },
    get ended() {
      return ended.length
    },
    start(): void {
      loops = Array.from({ length: CLIENTS }, loop)
    },
    /** Ends all loops; what is under way is still repeated until it is answered. */
    async stop(): Promise<void> {
      stopping = true
      await Promise.all(loops)
    },
    /** Lists every task there is, and reads some again one by one. */
    async readAll(): Promise<void> {
      let before: string | undefined
      for (let failures = 0; failures < 20; ) {
        const next = await list(LAST_PAGE, before)
        if (next === undefined) failures++
        else if (next === null) break
        else before = next
      }
      const few = random.shuffle([...acknowledged]).slice(0, REREAD_MAX)
      while (few.length > 0) await Promise.all(few.splice(0, CONNECTIONS).map((id) => read(id, 0)))
    },
    /** The master's answer to GET `path`; null when there is none. Not part of the history. */
    async get(path: string): Promise<Record<string, unknown> | null> {
      const { code, body } = await request('GET', path)
      return code === 200 ? body : null
    },
    close: () => pool.destroy(),
  }

  async function loop(): Promise<void> {
    while (!stopping) {
      await step()
      await sleep(random.exponential(8))
    }
  }

  async function step(): Promise<void> {
    const chance = random.next()
    if (chance < 0.24) {
      const size = 1 + random.integer(BATCH_MAX)
      if (await allow(size)) await batch(Array.from({ length: size }, () => work.next()))
    } else if (chance < 0.56) {
      if (await allow(1)) await submitOne(work.next())
    } else if (chance < 0.7) await readOf(acknowledged, 0)
    else if (chance < 0.82) await readOf(ended, 0)
    else if (chance < 0.88) await readOf(acknowledged.slice(-50), 1)
    else if (chance < 0.92) await list(PAGE)
    else if (chance < 0.97) await cancelOf(acknowledged.slice(-200))
    else await reuseKey()
  }

  /** Waits until so many new tasks are within the rate; false when the run ends meanwhile. */
  async function allow(tasks: number): Promise<boolean> {
    for (;;) {
      const now = performance.now()
      const more = ((now - allowedAt) / 1000) * given.tasksPerSecond
      allowance = Math.min(4 * BATCH_MAX, allowance + more)
      allowedAt = now
      if (allowance >= tasks) {
        allowance -= tasks
        return true
      }
      if (stopping) return false
      await sleep(10)
    }
  }

  async function batch(wanted: Wanted[]): Promise<void> {
    const queue = random.next() < 0.9
    const tasks = wanted.map((one) => bodyOf(one, queue))
    const { code, problem, body, times } = await timed('POST', '/tasks/batch', { tasks })
    const items = (body.tasks ?? []) as Record<string, unknown>[]
    const each = items.map((item) => {
      const { type } = (item.problem ?? {}) as { type?: string }
      const seen = item.problem ? {} : { seen: toSeen(item) }
      return { code: item.code as number, ...(type ? { problem: type } : {}), ...seen }
    })
    const more = { ...(problem ? { problem } : {}), ...(code === 200 ? { each } : {}) }
    history.write({ op: 'batch', ...times, code, wanted, ...more })
    for (const { seen } of each) if (seen) learn(seen, true)
  }

  async function submitOne(wanted: Wanted): Promise<void> {
    const queue = random.next() < 0.5
    const waitS = !queue && random.next() < 0.5 ? 1 + random.integer(2) : 0
    if (random.next() < 0.15) return void (await submit(wanted, null, queue, waitS))
    const key = `key-${keys++}`
    const both = random.next() < 0.06
    if (both) await Promise.all([repeat(wanted, key, queue, waitS), submit(wanted, key, queue, 0)])
    else await repeat(wanted, key, queue, waitS)
  }

  /** Sends it again with the same key until it is answered; a refusal only a few times. */
  async function repeat(wanted: Wanted, key: string, queue: boolean, waitS: number): Promise<void> {
    const refusalsMax = random.integer(REFUSALS_MAX + 1)
    for (let refusals = 0, silences = 0; refusals <= refusalsMax && silences < SILENCES_MAX; ) {
      const code = await submit(wanted, key, queue, waitS)
      if (code !== null && code < 300) {
        usedKeys.push({ key, tag: wanted.tag })
        if (random.next() < 0.9) return
        refusals++
      } else if (code === null) silences++
      else refusals++
      await sleep(random.exponential(60))
    }
  }

  async function submit(wanted: Wanted, key: string | null, queue: boolean, waitS: number) {
    const headers = {
      ...(key === null ? {} : { 'idempotency-key': key }),
      ...(waitS === 0 ? {} : { prefer: `wait=${waitS}` }),
    }
    const wait = waitS * 1000
    const said = await timed('POST', '/tasks', bodyOf(wanted, queue), headers, wait)
    const { code, problem, body, times } = said
    const seen = code !== null && code < 300 ? toSeen(body) : undefined
    const more = { ...(problem ? { problem } : {}), ...(seen ? { seen } : {}) }
    history.write({ op: 'submit', ...times, code, key, wanted, waited: waitS > 0, ...more })
    if (seen) learn(seen, true)
    return code
  }

  /** The key of another task with a new body: must be refused. */
  async function reuseKey(): Promise<void> {
    const used = usedKeys[random.integer(usedKeys.length)]
    if (used) await submit(work.next(), used.key, true, 0)
  }

  async function readOf(ids: string[], waitS: number): Promise<void> {
    const id = ids[random.integer(ids.length)]
    if (id !== undefined) await read(id, waitS)
  }

  async function read(id: string, waitS: number): Promise<void> {
    const headers: Record<string, string> = waitS === 0 ? {} : { prefer: `wait=${waitS}` }
    const said = await timed('GET', `/tasks/${id}`, undefined, headers, waitS * 1000)
    note('read', id, said)
  }

  async function cancelOf(ids: string[]): Promise<void> {
    const id = ids[random.integer(ids.length)]
    if (id !== undefined) note('cancel', id, await timed('DELETE', `/tasks/${id}`))
  }

  function note(op: 'read' | 'cancel', id: string, said: Answer & { times: Times }): void {
    const { code, problem, body, times } = said
    const seen = code === 200 ? toSeen(body) : undefined
    const more = { ...(problem ? { problem } : {}), ...(seen ? { seen } : {}) }
    history.write({ op, ...times, code, id, ...more })
    if (seen) learn(seen, false)
  }

  /** One page; gives the next cursor, null at the end, undefined when there was no answer. */
  async function list(limit: number, before?: string): Promise<string | null | undefined> {
    const cursor = before === undefined ? '' : `&cursor=${before}`
    const said = await timed('GET', `/get-tasks?limit=${limit}${cursor}`, undefined, {}, 3_000)
    const { code, problem, body, times } = said
    if (code !== 200) {
      history.write({ op: 'list', ...times, code, ...(problem ? { problem } : {}) })
      return undefined
    }
    const seen = (body.tasks as Record<string, unknown>[]).map(toSeen)
    const next = body.next as string | null
    const lowest = next === null ? '' : (seen.at(-1)?.id ?? '')
    const range = { lowest, ...(before === undefined ? {} : { before }) }
    history.write({ op: 'list', ...times, code, ...range, seen })
    for (const one of seen) learn(one, false)
    return next
  }

  function learn({ id, status }: Seen, acked: boolean): void {
    if (acked && !isAcknowledged.has(id)) {
      isAcknowledged.add(id)
      acknowledged.push(id)
      given.onAcknowledged()
    }
    if (status === 'pending' || status === 'in progress' || isEnded.has(id)) return
    isEnded.add(id)
    ended.push(id)
  }

  async function timed(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    moreMs = 0,
  ): Promise<Answer & { times: Times }> {
    const from = performance.now()
    const answer = await request(method, path, body, headers, moreMs)
    const round = (ms: number): number => Math.round(ms * 1000) / 1000
    return { ...answer, times: { from: round(from), to: round(performance.now()) } }
  }

  async function request(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    moreMs = 0,
  ): Promise<Answer> {
    const timeout = PATIENCE_MS + moreMs
    try {
      const said = await pool.request({
        method,
        path,
        headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
        headersTimeout: timeout,
        bodyTimeout: timeout,
        signal: AbortSignal.timeout(2 * timeout),
      })
      const json = (await said.body.json()) as Record<string, unknown>
      const problem = said.statusCode >= 400 ? { problem: String(json.type) } : {}
      return { code: said.statusCode, ...problem, body: json }
    } catch (error) {
      const { code, message } = error as Error & { code?: string }
      await sleep(random.exponential(REST_MS))
      return { code: null, problem: code ?? message, body: {} }
    }
  }
}

function bodyOf({ tag, kind, input }: Wanted, queue: boolean): unknown {
  const common = { tags: [tag], runLimitMs: RUN_LIMIT_MS, ...(queue ? { queue } : {}) }
  return kind === 'expression' ? { ...(input as object), ...common } : { kind, input, ...common }
}
