// The load: a process of its own that the bench forks and tells what to do, by message. Owns sending,
// the clock of every latency, and the count of what was accepted, refused, done and wrong.
//
// closed: each connection sends its next request when it has the answer to the last one.
//         At most OPEN_MAX tasks are without a result at a time: what is accepted faster than it is
//         done would fill the slots, and the rest of the run would measure refusals.
// open:   requests leave at the times of a Poisson process, whatever the answers do; a latency
//         counts from the time at which its request was to leave, so a stall is not left out.

import type { Connection } from './connection.ts'
import { openConnection } from './connection.ts'
import { createRequests, getRequest, resultOf } from './requests.ts'
import type { Summary } from './summary.ts'
import { summarize } from './summary.ts'

export type LoadCommand = {
  url: string
  seconds: number
  connections: number
  /** Tasks in one request: 1 is `POST /tasks`, more is `POST /tasks/batch`. */
  batch: number
  /** Which requests wait for the result (`Prefer: wait=10`). */
  waits: 'none' | 'all' | 'every second'
  /** Open loop at this rate; closed when not given. */
  perSecond?: number
  /** Number of the first task: expressions are not to repeat. */
  first: number
  /** The target counts what is done, at GET /status. */
  counts: boolean
}

export type LoadReport = {
  sent: number
  accepted: number
  /** As the target counts them; as accepted where it does not count. */
  done: number
  refused: number
  /** What went wrong, and how often. */
  errors: Record<string, number>
  /** From the first request to the last result. */
  seconds: number
  /** Milliseconds. */
  toAccepted: Summary
  toResult: Summary
  toRefused: Summary
  /** Some tasks, to be looked at afterwards. */
  sample: { id: string; result: number }[]
}

/** In the answer to a batch: 202, or 200 of a task that ended before it was answered. */
const ACCEPTED = Buffer.from('"code":20')
const SAMPLE_EVERY = 997
const SAMPLE_MAX = 50
/** A refused client comes back after this. */
const AGAIN_MS = 5
const POLL_MS = 4
const OPEN_MAX = 3000
const DRAIN_MS_MAX = 30_000
/** The open loop sleeps until this long before a request is due, then polls. */
const SPIN_MS = 1.2

process.on('message', (command: LoadCommand) => {
  run(command).then(
    (report) => process.send?.(report),
    (error: Error) => process.send?.({ failed: `${error.stack}` }),
  )
})
process.on('disconnect', () => process.exit(0))

async function run(command: LoadCommand): Promise<LoadReport> {
  const watch = command.counts ? await createCounter(command.url) : null
  const before = (await watch?.done()) ?? 0
  const tally = createTally(command)
  const connections = await Promise.all(
    Array.from({ length: command.connections }, () =>
      openConnection(command.url, (error) => tally.broken(error)),
    ),
  )
  const startedAt = performance.now()
  if (command.perSecond === undefined) {
    const pace = watch && createPace(watch, tally, before)
    await closedLoop(command, connections, tally, pace?.isAhead ?? (() => false))
    await pace?.close()
  } else await openLoop(command, command.perSecond, connections, tally)
  let done = tally.accepted
  if (watch) {
    const deadline = performance.now() + DRAIN_MS_MAX
    done = (await watch.done()) - before
    while (done < tally.accepted && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      done = (await watch.done()) - before
    }
  }
  const seconds = (performance.now() - startedAt) / 1000
  for (const connection of connections) connection.close()
  watch?.close()
  return { ...tally.report(), done, seconds }
}

/** Looks now and then how many tasks are done, so that the load does not run ahead. */
function createPace(
  watch: Awaited<ReturnType<typeof createCounter>>,
  tally: Tally,
  before: number,
) {
  let done = 0
  let closed = false
  const ended = look()
  return {
    isAhead: () => tally.accepted - done >= OPEN_MAX,
    close: () => {
      closed = true
      return ended
    },
  }

  async function look(): Promise<void> {
    while (!closed) {
      if (tally.accepted - done > OPEN_MAX / 2) done = (await watch.done()) - before
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}

type Tally = ReturnType<typeof createTally>

function createTally({ batch }: LoadCommand) {
  const errors: Record<string, number> = {}
  const toAccepted: number[] = []
  const toResult: number[] = []
  const toRefused: number[] = []
  const sample: LoadReport['sample'] = []
  const tally = {
    sent: 0,
    accepted: 0,
    refused: 0,
    broken: (error: Error) => mistake(error.message),

    /** Takes the answer to the request for tasks from `i` on. Gives whether it was refused. */
    answered(i: number, sentAt: number, waits: boolean, status: number, body: Buffer): boolean {
      const ms = performance.now() - sentAt
      if (batch > 1) return batchAnswered(status, body, ms)
      if (status === 200 || status === 202) {
        accept(i, waits, status, body)
        if (waits && status === 200) toResult.push(ms)
        else toAccepted.push(ms)
        return false
      }
      if (status === 503) {
        tally.refused++
        toRefused.push(ms)
      } else mistake(`status ${status}: ${body.toString().slice(0, 200)}`)
      return status === 503
    },

    report: () => ({
      sent: tally.sent,
      accepted: tally.accepted,
      refused: tally.refused,
      errors,
      toAccepted: summarize(toAccepted),
      toResult: summarize(toResult),
      toRefused: summarize(toRefused),
      sample,
    }),
  }
  return tally

  /** A task may have ended before its POST is answered: then it is 200 with the result. */
  function accept(i: number, waits: boolean, status: number, body: Buffer): void {
    tally.accepted++
    if (status === 202 && waits) mistake('no result within the wait')
    if (status === 200 && !body.includes(`"result":${resultOf(i)}`)) mistake('a wrong result')
    if (tally.accepted % SAMPLE_EVERY !== 0 || sample.length === SAMPLE_MAX) return
    const { id } = JSON.parse(body.toString()) as { id: string }
    sample.push({ id, result: resultOf(i) })
  }

  function batchAnswered(status: number, body: Buffer, ms: number): boolean {
    if (status !== 200) {
      mistake(`status ${status}: ${body.toString().slice(0, 200)}`)
      return false
    }
    let accepted = 0
    for (let at = body.indexOf(ACCEPTED); at >= 0; at = body.indexOf(ACCEPTED, at + 100)) accepted++
    tally.accepted += accepted
    tally.refused += batch - accepted
    toAccepted.push(ms)
    return accepted < batch
  }

  function mistake(words: string): void {
    errors[words] = (errors[words] ?? 0) + 1
  }
}

function closedLoop(
  command: LoadCommand,
  connections: Connection[],
  tally: Tally,
  isAhead: () => boolean,
): Promise<void> {
  const { url, batch, waits } = command
  const request = createRequests(url, { batch, waits: waits === 'all' })
  const until = performance.now() + command.seconds * 1000
  let next = command.first
  let open = connections.length
  return new Promise((resolve) => {
    tally.broken = countBroken(tally, finish)
    for (const connection of connections) send(connection)

    function send(connection: Connection): void {
      const now = performance.now()
      if (now >= until) {
        finish()
        return
      }
      if (isAhead()) {
        setTimeout(send, 1, connection)
        return
      }
      const i = next
      next += batch
      tally.sent += batch
      connection.send(request(i), (status, body) => {
        if (tally.answered(i, now, waits === 'all', status, body))
          setTimeout(send, AGAIN_MS, connection)
        else send(connection)
      })
    }

    function finish(): void {
      if (--open === 0) resolve()
    }
  })
}

function openLoop(
  command: LoadCommand,
  perSecond: number,
  connections: Connection[],
  tally: Tally,
): Promise<void> {
  const { url, seconds, first, waits } = command
  const plain = createRequests(url, { batch: 1, waits: false })
  const patient = createRequests(url, { batch: 1, waits: true })
  const idle = [...connections]
  const late: (() => void)[] = []
  const startAt = performance.now() + 5
  let dueAt = startAt + gapMs(perSecond)
  let owed = 0
  return new Promise((resolve) => {
    tally.broken = countBroken(tally, settle)
    wait()

    function wait(): void {
      const now = performance.now()
      while (dueAt <= now) {
        const at = dueAt
        const i = first + tally.sent++
        owed++
        if (idle.length > 0) send(i, at)
        else late.push(() => send(i, at))
        dueAt += gapMs(perSecond)
        if (dueAt > startAt + seconds * 1000) return
      }
      const ahead = dueAt - now
      if (ahead > SPIN_MS) setTimeout(wait, Math.max(1, Math.floor(ahead - SPIN_MS)))
      else setImmediate(wait)
    }

    function send(i: number, at: number): void {
      const connection = idle.pop() as Connection
      const waitsForResult = waits === 'all' || (waits === 'every second' && i % 2 === 1)
      connection.send(waitsForResult ? patient(i) : plain(i), (status, body) => {
        tally.answered(i, at, waitsForResult, status, body)
        idle.push(connection)
        late.shift()?.()
        settle()
      })
    }

    function settle(): void {
      if (--owed === 0 && dueAt > startAt + seconds * 1000) resolve()
    }
  })
}

/** A connection that breaks is an error that is counted, and no answer to wait for. */
function countBroken(tally: Tally, finish: () => void): (error: Error) => void {
  const count = tally.broken
  return (error) => {
    count(error)
    finish()
  }
}

const gapMs = (perSecond: number): number => (-Math.log(1 - Math.random()) / perSecond) * 1000

/** Reads from the target how many tasks are done. */
async function createCounter(url: string) {
  let give: ((error: Error) => void) | undefined
  const connection = await openConnection(url, (error) => give?.(error))
  const request = getRequest(url, '/status')
  return {
    done: (): Promise<number> =>
      new Promise((resolve, reject) => {
        give = reject
        connection.send(request, (_status, body) => {
          const { tasks } = JSON.parse(body.toString()) as { tasks: { done: number } }
          resolve(tasks.done)
        })
      }),
    close: () => connection.close(),
  }
}
