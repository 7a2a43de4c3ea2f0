// What must hold, whatever befalls: the book kept beside the simulated world by somebody who shares
// no code with the master. Each entry is a fact seen from outside: what a client was told, what the
// store holds durably, what a slave began to compute. A fact that must not be throws a Violation.

import type { WallTime } from '../../../shared/data/clock.ts'

export class Violation extends Error {
  override name = 'Violation'
}

/** What the master of the world is told: so long an accepted task waits at least. */
export const WAIT_LIMIT_MS = 300_000
/** A clock that drifts measures the time of a master that is down wrongly, by this share at most. */
const DRIFT_SHARE = 0.002

const FINAL = ['done', 'failed', 'cancelled', 'expired']
/** Entries of a trail after which no slave has the task. `omitted`: any of them may be missing. */
const LET_GO = ['retry', 'not arrived', 'program-missing', 'lost', 'omitted']

/** The right value for the n-th task, worked out apart from the slaves: n^3 - n as a product. */
const oracle = (n: number): number => (n - 1) * n * (n + 1)

export type Seen = {
  status: string
  outcome: string | null
  createdAt: WallTime
  endedAt: WallTime | null
}

/** What the store must never take back or make up. */
export type Stored = Seen & {
  id: string
  tries: number
  slave: string | null
  attempt: string | null
  trail: { event: string; slave?: string; attempt?: string }[]
  idempotencyKey: string | null
}

export type Began = { number: number; at: number; slave: string; attempt: string }

export type Ledger = ReturnType<typeof createLedger>

export function createLedger(
  now: () => number,
  limits: {
    /** What waits has at least so long after a start of the master whose clock went ahead meanwhile. */
    waitMsMin: number
  },
) {
  /** True times, whatever the clocks of machines say: tasks are made and end, the master starts. */
  const made = new Map<string, number>()
  const endings = new Map<string, number>()
  const starts: number[] = []
  /** Tasks by id, as clients were told of them. */
  const promised = new Map<string, { number: number; at: number }>()
  /** The id that each key was answered with. */
  const keys = new Map<string, string>()
  /** Final states that somebody has seen, and that became durable. */
  const finals = new Map<string, Seen>()
  const durable = new Map<string, Stored>()
  /** Outcomes whose callback failed: the slave must repeat them until they are acknowledged. */
  const owed = new Set<string>()
  const refusedAttempts = new Set<string>()
  const began = new Map<string, Began[]>()
  const offered = new Set<string>()
  /** Attempts that answered a poll, by task. */
  const handed = new Map<string, Set<string>>()

  return {
    promised,
    began,

    /** How many attempts of a task have begun or were handed over, and the last that began. */
    runsOf(id: string): number {
      const begun = began.get(id)?.map((run) => run.attempt) ?? []
      return new Set([...begun, ...(handed.get(id) ?? [])]).size
    },
    lastOf: (id: string): Began | undefined => began.get(id)?.at(-1),

    /** The master starts; it makes a task. */
    masterStarts: (): void => void starts.push(now()),
    makes: (id: string): void => void made.set(id, now()),
    madeAt: (id: string): number => made.get(id) as number,

    /** The master answers a client that its task is accepted. */
    answered(id: string, number: number, isDurable: boolean): void {
      check(isDurable, `task ${id} (${number}) is promised before it is durable`)
      if (!promised.has(id)) promised.set(id, { number, at: now() })
    },

    /** A client hears that its task is accepted, with this id. */
    accepted(number: number, key: string, id: string): void {
      const before = keys.get(key)
      check(before === undefined || before === id, `key ${key} has two tasks: ${before} and ${id}`)
      keys.set(key, id)
      check(promised.get(id)?.number === number, `task ${id} is not the one that was submitted`)
    },

    /** Somebody is told how a task stands. */
    observed(id: string, number: number, seen: Seen): void {
      const before = finals.get(id)
      if (before) {
        check(before.status === seen.status, `task ${id} was ${before.status}, is ${seen.status}`)
        check(before.outcome === seen.outcome, `task ${id} has another outcome than before`)
      }
      if (!FINAL.includes(seen.status)) return
      finals.set(id, seen)
      if (seen.status !== 'done') return
      const { result } = JSON.parse(seen.outcome as string) as { result: { value: number } }
      check(result.value === oracle(number), `task ${id}: ${result.value}, not ${oracle(number)}`)
    },

    /** A change to a task became durable. */
    stored(task: Stored): void {
      const { id, status, outcome, tries, attempt, slave } = task
      const before = durable.get(id)
      durable.set(id, task)
      if (task.endedAt !== null && !endings.has(id)) endings.set(id, now())
      const state = `${status} ${outcome}`
      const isSecond = before?.endedAt != null && `${before.status} ${before.outcome}` !== state
      check(!isSecond, `task ${id} has a second outcome: ${state}`)
      // What was handed over and never came was no try.
      const least = (before?.tries ?? 0) - missed(task) + missed(before)
      check(tries >= least, `task ${id} had ${before?.tries} tries, has ${tries}`)
      const isOffered = attempt === null || offered.has(`${attempt} ${slave}`)
      check(isOffered, `task ${id} runs as ${attempt}: ${slave} was not offered that`)
      checkTakings(task)
      if (status !== 'failed') return
      const taker = task.trail.findLast(({ event }) => event === 'taken')?.slave
      const by = task.trail.at(-1)?.slave
      check(taker === by, `task ${id} failed by an attempt of ${by}, while ${taker} had it`)
    },

    /** A slave hears that the master has an outcome; or that its callback has failed. */
    acknowledged(id: string, attempt: string, status: string): void {
      owed.delete(attempt)
      const task = durable.get(id)
      if (!task || task.endedAt !== null) return
      check(status !== 'done', `task ${id} is done by ${attempt}: acknowledged, but not durable`)
      check(task.attempt !== attempt, `${attempt} of ${id} has failed: acknowledged, not durable`)
    },
    unacknowledged: (attempt: string): void => void owed.add(attempt),

    /** The master offers this attempt to this slave. */
    offered: (attempt: string, slave: string): void => void offered.add(`${attempt} ${slave}`),

    /** The master answers a poll with this attempt: whether the answer arrives it cannot know. */
    handed(id: string, attempt: string): void {
      handed.set(id, (handed.get(id) ?? new Set()).add(attempt))
    },

    /** A slave answers an offer. */
    offerAnswered(attempt: string, answer: string): void {
      const isSame = answer !== 'taken' || !refusedAttempts.has(attempt)
      check(isSame, `attempt ${attempt} was refused, and is taken`)
      if (answer !== 'taken') refusedAttempts.add(attempt)
    },

    /** A slave begins to compute. */
    computes(id: string, number: number, slave: string, attempt: string): void {
      check(offered.has(`${attempt} ${slave}`), `${slave} runs ${attempt}: it was not offered that`)
      const runs = began.get(id) ?? []
      const twice = runs.some((run) => run.attempt === attempt)
      check(!twice, `attempt ${attempt} of task ${id} runs twice`)
      began.set(id, [...runs, { number, at: now(), slave, attempt }])
    },

    /** The end: everything promised has ended. `get` reads what is durable. */
    close(get: (id: string) => Seen | undefined): void {
      check(owed.size === 0, `outcomes were never acknowledged: ${[...owed].join(', ')}`)
      for (const [id, { number }] of promised) {
        const seen = get(id)
        check(seen !== undefined, `task ${id} was promised and is lost`)
        check(FINAL.includes(seen.status), `task ${id} is stuck: ${seen.status}`)
        this.observed(id, number, seen)
        if (seen.status === 'expired') checkExpiry(id)
      }
    },
  }

  /** A task that a slave has is not taken again before its trail says why that slave has it no more. */
  function checkTakings({ id, trail }: Stored): void {
    let holder: string | undefined
    for (const { event, slave } of trail) {
      if (LET_GO.includes(event)) holder = undefined
      if (event !== 'taken') continue
      check(holder === undefined, `task ${id} is taken by ${slave}, while ${holder} has it`)
      holder = slave
    }
  }

  /** It waited as long as it was promised, by true time. */
  function checkExpiry(id: string): void {
    const madeAt = made.get(id) as number
    const endedAt = endings.get(id) as number
    const waited = endedAt - madeAt
    if (waited >= WAIT_LIMIT_MS * (1 - DRIFT_SHARE)) return
    const restarted = starts.find((at) => at > madeAt)
    const afterStart = restarted === undefined ? 0 : endedAt - restarted
    const leastMs = limits.waitMsMin * (1 - DRIFT_SHARE)
    check(
      afterStart >= leastMs,
      `task ${id} expired after ${waited} ms, ${afterStart} ms after a start`,
    )
  }
}

/** Attempts that were no try: the answer to a poll never came, or the program could not be started. */
export const missed = (task: Stored | undefined): number =>
  task?.trail.filter(({ event }) => event === 'not arrived' || event === 'program-missing')
    .length ?? 0

export function check(holds: boolean, words: string): asserts holds {
  if (!holds) throw new Violation(words)
}
