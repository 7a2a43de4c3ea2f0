// The clients of a simulated world: each submits one task under one Idempotency-Key, repeats the
// request while it has no answer, gives up or comes back after a refusal, and then reads.

import type { Random } from '../../../shared/data/random.ts'
import { encode } from '../../../shared/data/raw-json.ts'
import type { PeerError } from '../../../shared/http/peer.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import type { SimulatedClock } from './clock.ts'
import type { Directory, MasterProcess } from './directory.ts'
import type { Ledger, Seen } from './ledger.ts'
import { check, WAIT_LIMIT_MS } from './ledger.ts'
import type { Network } from './network.ts'
import type { Plan, PlannedTask } from './plan.ts'
import { askOf, workOf } from './terms.ts'
import type { WatchedStore } from './watched-store.ts'

const PATIENCE_MS = 15_000
const READ_EVERY_MS = 3_000
const COME_BACK_TRIES = 3
const FINAL = ['done', 'failed', 'cancelled', 'expired']
/** Refusals that may leave something running for a while. */
const SURE_OF_NOTHING = ['store-full', 'slave-silent']

type Answer = { id: string; seen: Seen } | { refused: string }

export function startClients(given: {
  plan: Plan
  clock: SimulatedClock
  network: Network
  directory: Directory
  ledger: Ledger
  random: Random
  store: WatchedStore
  /** The slave that runs the n-th task now, if any. */
  runs: (number: number) => string | undefined
  guard: (run: () => void) => () => void
}) {
  const { plan, clock, network, directory, ledger, random, store, runs, guard } = given
  let open = plan.tasks.length
  /**
   * Tasks of which the client knows that they may have run: a full disk is noticed when a slave has
   * the task, a silent slave may have it, and no answer means unknown.
   */
  const mayHaveRun = new Set<number>()
  const refused: { key: string; number: number; at: number }[] = []

  for (const task of plan.tasks)
    clock.at(
      task.at,
      guard(() => submit(task, 0)),
    )

  return {
    /** Every client has an answer: a promise or a refusal. */
    allDone: () => open === 0,
    /** Keys whose last word was a refusal, after nothing but refusals. */
    refused: () => refused.filter(({ number }) => !mayHaveRun.has(number)),
  }

  function submit(task: PlannedTask, tries: number): void {
    let handled = 0
    ask<Answer>(
      (master) => {
        // Doubled on its way: the second may be accepted when the client has given up.
        if (handled++ > 0) mayHaveRun.add(task.number)
        return submitAt(master, task)
      },
      guard2((error, answer) => {
        if (error || !answer) {
          mayHaveRun.add(task.number)
          return again(task, tries, 200 + random.next() * 1000)
        }
        if ('refused' in answer) return refusedWith(task, tries, answer.refused)
        ledger.accepted(task.number, keyOf(task), answer.id)
        ledger.observed(answer.id, task.number, answer.seen)
        open--
        follow(task, answer.id)
      }),
    )
  }

  function again(task: PlannedTask, tries: number, afterMs: number): void {
    clock.at(
      clock.now() + afterMs,
      guard(() => submit(task, tries)),
    )
  }

  function refusedWith(task: PlannedTask, tries: number, type: string): void {
    if (SURE_OF_NOTHING.includes(type)) mayHaveRun.add(task.number)
    if (type !== 'slave-silent' && tries >= COME_BACK_TRIES) {
      open--
      const { number } = task
      refused.push({ key: keyOf(task), number, at: clock.now() })
      return
    }
    again(task, type === 'slave-silent' ? tries : tries + 1, 500 + random.next() * 3000)
  }

  /** At the master: the answer that goes back, checked against what is durable at that moment. */
  async function submitAt({ dispatcher }: MasterProcess, task: PlannedTask): Promise<Answer> {
    const { number, ms, queue, waitMs, priority, nature } = task
    const key = `key-${number}`
    const runLimitMs = nature === 'endless' ? 2000 : 120_000
    try {
      const reply = await dispatcher.submit({
        ...askOf(task),
        priority,
        queue,
        waitMs,
        runLimitMs,
        waitLimitMs: WAIT_LIMIT_MS,
        input: JSON.stringify({ number, ms }),
        work: workOf(task),
        trace: null,
        tags: [],
        idempotencyKey: key,
        client: null,
        requestHash: key,
      })
      const seen = store.get(reply.id)
      ledger.answered(reply.id, number, seen !== undefined)
      check(seen !== undefined, `task ${reply.id} is not stored`)
      const outcome = reply.outcome && encode(reply.outcome)
      if (FINAL.includes(reply.status)) {
        const isDurable = seen.status === reply.status
        check(isDurable, `a client hears ${reply.status} of ${reply.id} before it is durable`)
      }
      return { id: reply.id, seen: { ...seen, status: reply.status, outcome } }
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      const isSure = !mayHaveRun.has(number) && !SURE_OF_NOTHING.includes(error.type)
      const runner = isSure ? runs(number) : undefined
      check(!runner, `key-${number} is refused (${error.type}), and ${runner} runs it`)
      return { refused: error.type }
    }
  }

  /** Reads the task now and then, and cancels it if that is planned. */
  function follow(task: PlannedTask, id: string): void {
    const read = (): void =>
      ask<Seen>(
        (master) => readAt(master, id),
        guard2((_error, seen) => {
          if (seen) ledger.observed(id, task.number, seen)
          if (!seen || seen.status === 'pending' || seen.status === 'in progress') {
            clock.at(clock.now() + READ_EVERY_MS * (0.5 + random.next()), guard(read))
          }
        }),
      )
    read()
    if (task.cancelAfterMs === null) return
    const cancel = (): void =>
      ask(
        async ({ dispatcher }) => {
          if (!(await dispatcher.cancel(id))) return
          const { status = 'lost' } = store.get(id) ?? {}
          check(FINAL.includes(status), `${id} is said to be cancelled, and is ${status}`)
        },
        () => {},
      )
    clock.at(clock.now() + task.cancelAfterMs, guard(cancel))
  }

  async function readAt(_master: MasterProcess, id: string): Promise<Seen> {
    const record = store.get(id)
    if (!record) throw new Problem('no-such-task', id)
    return record
  }

  function ask<T>(
    handle: (master: MasterProcess) => Promise<T>,
    done: (error: PeerError | null, reply?: T) => void,
  ): void {
    network.request<T>({
      from: 'client',
      to: 'master',
      listens: () => directory.master?.life.alive === true,
      handle: (answer) => {
        const master = directory.master as MasterProcess
        network.whenAwake(master.life, () => {
          handle(master).then(
            (reply) => master.life.alive && answer(null, reply),
            (error: Error) => fail(error, answer),
          )
        })
      },
      timeoutMs: PATIENCE_MS,
      done,
    })
  }

  function fail<T>(error: Error, answer: (error: PeerError | null, reply?: T) => void): void {
    if (error.name === 'Violation')
      guard(() => {
        throw error
      })()
    else answer(error as PeerError)
  }

  function guard2<T>(run: (error: PeerError | null, reply?: T) => void) {
    return (error: PeerError | null, reply?: T): void => guard(() => run(error, reply))()
  }
}

const keyOf = ({ number }: PlannedTask): string => `key-${number}`
