// Many tasks: in batches, a bounded number under way, each with its own Idempotency-Key, results in
// order. A batch whose tasks have not all ended is sent again with those that are left: the keys make
// it a question for the same tasks, not new ones.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasEnded } from '../protocol/statuses.ts'
import type { Connection, Manners } from './connection.ts'
import { isForNow, PATIENCE_MS, restMs } from './connection.ts'
import type { ProblemDocument } from './errors.ts'
import { ProblemError } from './errors.ts'
import { inLists, inOrder } from './in-order.ts'
import type { Accepted, TaskRequest } from './tasks.ts'
import { restAfter } from './tasks.ts'

/** How one of many went, in the order of the requests. */
export type OneOfMany<R = unknown> = {
  /** Its place among the requests, from 0. */
  index: number
} & ({ task: Accepted<R>; problem?: undefined } | { task?: undefined; problem: ProblemError })

export type ManyManners = Manners & {
  /** Tasks of a batch, at most. Default 200. */
  batchTasksMax?: number
  /** Batches under way. Default 4. */
  batchesAtOnce?: number
  /** Whether to wait until each has ended. Default true. */
  wait?: boolean
  /** The key of each; what comes again with the same key is not done again. Random by default. */
  idempotencyKey?: (request: TaskRequest, index: number) => string
}

type Item = { index: number; text: string }
type Reply = Accepted & { code: number; problem?: ProblemDocument; retryAfter?: number }

const BATCH_TASKS = 200
const BATCHES = 4
/** A batch has no more characters than this, one task apart. */
const BATCH_CHARS_MAX = 1_000_000
/** Batches that have ended, or not, beyond the oldest that has not. */
const AHEAD = 64
/** The master holds a batch this long; what has ended is told, what has not is asked for again. */
const HOLD_MS = 2_000

export function createMany({ json }: Connection, patienceOfClientMs = PATIENCE_MS) {
  /**
   * Submits all of them, in the line unless they say `"queue": false`; yields how each went, in order.
   * Refusals for now are repeated for `patienceMs` without any progress; then they are yielded.
   * Throws UnreachableError.
   */
  return function submitMany<R = unknown>(
    requests: AsyncIterable<TaskRequest> | Iterable<TaskRequest>,
    manners: ManyManners = {},
  ): AsyncGenerator<OneOfMany<R>, void, void> {
    return flat(manners, requests) as AsyncGenerator<OneOfMany<R>, void, void>
  }

  async function* flat(
    manners: ManyManners,
    requests: AsyncIterable<TaskRequest> | Iterable<TaskRequest>,
  ) {
    const { batchTasksMax = BATCH_TASKS, batchesAtOnce = BATCHES } = manners
    let chars = 0
    const lists = inLists(itemsOf(requests, manners), (list, { text }) => {
      if (list.length === 1) chars = list[0]?.text.length ?? 0
      chars += text.length
      return list.length >= batchTasksMax || chars > BATCH_CHARS_MAX
    })
    const limits = { atOnce: batchesAtOnce, ahead: AHEAD }
    for await (const list of inOrder(lists, limits, (items) => settle(items, manners))) yield* list
  }

  /** Sends a batch until all of it is settled. */
  async function settle(items: Item[], manners: ManyManners): Promise<OneOfMany[]> {
    const { wait = true, patienceMs = patienceOfClientMs, signal } = manners
    const settled = new Map<number, OneOfMany>()
    // By the first answer to each: that a later one is a repetition is our own doing.
    const before = new Set<number>()
    let first = true
    let open = items
    let progressAt = performance.now()
    for (let rests = 0; open.length > 0; ) {
      const asked = performance.now()
      const replies = await send(open, manners)
      const again: Item[] = []
      let pauseMs = 0
      replies.forEach((reply, i) => {
        const item = open[i] as Item
        if (first && reply.replayed) before.add(item.index)
        const one = told(item.index, { ...reply, replayed: before.has(item.index) })
        const rest = one.problem?.retryAfterMs ?? restMs(rests)
        // What cannot be in time is told at once.
        const inTime = performance.now() + rest - progressAt < patienceMs
        if (one.problem && isForNow(one.problem) && inTime) {
          pauseMs = Math.max(pauseMs, rest)
          again.push(item)
        } else if (one.task && wait && !hasEnded(one.task)) again.push(item)
        else settled.set(item.index, one)
      })
      if (again.length < open.length || pauseMs === 0) {
        progressAt = performance.now()
        rests = 0
      } else rests++
      open = again
      first = false
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal })
      else if (open.length > 0) await restAfter(asked, wait ? HOLD_MS : 0, signal)
    }
    return items.map(({ index }) => settled.get(index) as OneOfMany)
  }

  /** A reply to each. A batch that is refused for one of its items is sent without that one. */
  async function send(items: Item[], manners: ManyManners): Promise<Reply[]> {
    const { wait = true, signal, patienceMs } = manners
    const refused = new Map<Item, Reply>()
    for (;;) {
      const good = items.filter((item) => !refused.has(item))
      if (good.length === 0) return items.map((item) => refused.get(item) as Reply)
      try {
        const { value } = await json<{ tasks: Reply[] }>({
          method: 'POST',
          path: '/tasks/batch',
          headers: { 'content-type': 'application/json' },
          bytes: () => Buffer.from(`{"tasks":[${good.map(({ text }) => text).join(',')}]}`),
          repeatable: true,
          waitMs: wait ? HOLD_MS : 0,
          signal,
          patienceMs,
        })
        const replies = value.tasks.values()
        return items.map((item) => refused.get(item) ?? (replies.next().value as Reply))
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error
        const bad = blamed(error, good)
        if (bad) for (const [item, problem] of bad) refused.set(item, asReply(problem))
        else if (good.length === 1) refused.set(good[0] as Item, asReply(error.document))
        else if (isTooMuch(error)) {
          const half = good.length >> 1
          const halves = [good.slice(0, half), good.slice(half)]
          const replies = (await Promise.all(halves.map((each) => send(each, manners)))).flat()
          for (const [i, item] of good.entries()) refused.set(item, replies[i] as Reply)
        } else throw error
      }
    }
  }
}

async function* itemsOf(
  requests: AsyncIterable<TaskRequest> | Iterable<TaskRequest>,
  { idempotencyKey = () => randomUUID() }: ManyManners,
): AsyncGenerator<Item, void, void> {
  let index = 0
  for await (const request of requests) {
    const key = idempotencyKey(request, index)
    const text = JSON.stringify({ ...request, queue: request.queue ?? true, idempotencyKey: key })
    yield { index, text }
    index++
  }
}

function told(index: number, { code: _, problem, retryAfter, ...task }: Reply): OneOfMany {
  if (!problem) return { index, task: task }
  const retryAfterMs = retryAfter === undefined ? null : retryAfter * 1000
  return { index, problem: new ProblemError(problem, retryAfterMs) }
}

const asReply = (problem: ProblemDocument): Reply =>
  ({ code: problem.status, problem }) as Partial<Reply> as Reply

/** The items that a batch was refused for, each with what was said of it. */
function blamed({ document }: ProblemError, items: Item[]): [Item, ProblemDocument][] | undefined {
  const found = new Map<Item, ProblemDocument>()
  for (const { field, rule } of document.errors ?? []) {
    const [, place, rest = 'body'] = /^tasks\.(\d+)(?:\.(.+))?$/.exec(field) ?? []
    const item = place === undefined ? undefined : items[Number(place)]
    if (!item) continue
    const errors = [...(found.get(item)?.errors ?? []), { field: rest, rule }]
    const detail = errors.map((error) => `${error.field} ${error.rule}`).join('; ')
    found.set(item, { ...document, detail, errors })
  }
  return found.size === 0 ? undefined : [...found]
}

/** More tasks, or more bytes, than this master takes at once. */
const isTooMuch = ({ type, document }: ProblemError): boolean =>
  type === 'body-too-large' || (document.errors ?? []).some(({ field }) => field === 'tasks')
