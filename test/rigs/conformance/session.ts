// One slave process, a fake master of its own, and what rules need of both.

import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type {
  Callback,
  HeldAttempt,
  Offer,
  OfferAnswer,
  Registration,
} from '../../../shared/protocol/wire.ts'
import { freePort } from '../cluster/programs.ts'
import { Broken, expect } from './broken.ts'
import type { FakeMaster } from './fake-master.ts'
import { startFakeMaster } from './fake-master.ts'
import { cameTrue } from './patience.ts'
import { createPullTalk } from './pull-talk.ts'
import type { Subject } from './subject.ts'
import { startSubject } from './subject.ts'
import type { Talk } from './talk.ts'
import { createTalk } from './talk.ts'

/** What is tried, and how patiently. */
export type Trial = {
  command: string
  /** A kind whose running time can be chosen: `{ms}` in `input` stands for it. */
  kind: string
  input: string
  /** An input that the kind does not take. */
  badInput: string
  heartbeatMs: number
  /** It polls: nobody asks it. */
  pull?: boolean
  /** How long the master is away. */
  awayMs: number
  /** A fact that has not come after this will not come. */
  patienceMs: number
  trace: (line: string) => void
}

export type Session = Awaited<ReturnType<typeof createSession>>

/** A process may take this long to start and register on a busy machine, at least. */
const START_MS = 20_000
/** So seldom that no beat comes by chance. */
const SELDOM_MS = 600_000
/** A task with no other limit. */
const RUN_LIMIT_MS = 600_000
/** Offers beyond its slots. */
const BEYOND = 3
/** Work that lasts until it is called back. */
const LONG_MS = 300_000
/** Ports that were handed out: two sessions side by side never have the same. */
const ports = new Set<number>()

export async function createSession(trial: Trial, name: string, heartbeatMs: number | null) {
  const data = await mkdtemp(join(tmpdir(), 'askfirst-conformance-'))
  const master: FakeMaster = await startFakeMaster({
    port: await ownPort(),
    // What a slave that pulls has, only its beats tell.
    heartbeatMs: heartbeatMs ?? (trial.pull ? trial.heartbeatMs : SELDOM_MS),
    trace: trial.trace,
  })
  const port = await ownPort()
  const told = { master: master.url, name, port: String(port), data }
  let subject: Subject | undefined
  let talk: Talk | undefined
  let registration: Registration | undefined

  const here = {
    trial,
    name,
    master,
    get slave(): Talk {
      if (!talk) throw new Error('the slave has not registered')
      return talk
    },
    get subject(): Subject {
      return subject as Subject
    },
    /** As it registered last. */
    get registration(): Registration {
      return registration as Registration
    },
    get boot(): string {
      return here.registration.boot
    },
    get slots(): number {
      return here.registration.slots
    },

    /** Starts the slave, also again. Gives whether it has registered and been answered. */
    async start(): Promise<boolean> {
      await talk?.close()
      const before = master.count.registered
      const running = startSubject(trial.command, told)
      subject = running
      const came = (): boolean => master.count.registered > before
      const patienceMs = Math.max(START_MS, trial.patienceMs)
      await cameTrue(() => came() || running.hasEnded(), patienceMs)
      if (!came()) return false
      registration = master.registrations.at(-1)?.body as Registration
      talk = trial.pull
        ? createPullTalk(master, registration, trial.patienceMs)
        : createTalk(registration.url ?? '', trial.trace)
      return true
    },

    /** Waits for a fact. Throws Broken when it does not come. */
    async until(
      expected: string,
      holds: () => boolean | Promise<boolean>,
      seen: () => unknown = () => 'nothing of that kind',
      mostMs = trial.patienceMs,
    ): Promise<void> {
      if (!(await cameTrue(holds, mostMs))) throw new Broken(expected, seen())
    },

    /** An offer that occupies a slot for so long; until it is revoked if not told. */
    work(ms = LONG_MS, more: Partial<Offer> = {}): Offer {
      return {
        attempt: randomUUID(),
        task: randomUUID(),
        kind: trial.kind,
        input: JSON.parse(trial.input.replaceAll('{ms}', String(ms))) as unknown,
        runLimitMs: RUN_LIMIT_MS,
        ...more,
      }
    },

    /** Offers to the slave as it runs now; gives the answers, one per offer and in their order. */
    async offer(offers: Offer[]): Promise<OfferAnswer[]> {
      const { answers } = await here.slave.offer(offers, here.boot)
      const byAttempt = new Map(answers.map((answer) => [answer.attempt, answer]))
      return offers.map(({ attempt }) => {
        const answer = byAttempt.get(attempt)
        if (!answer) throw new Broken('an answer to every offer', answers)
        return answer
      })
    },

    /** Offers one piece of work, which must be taken; it lasts until revoked if not told. */
    async take(ms = LONG_MS, more: Partial<Offer> = {}): Promise<Offer> {
      const offer = here.work(ms, more)
      const [answer] = await here.offer([offer])
      expect(answer?.answer === 'taken', 'a slave with a free slot to take the offer', answer)
      return offer
    },

    /** Fills every slot. */
    async fill(): Promise<void> {
      await here.offer(Array.from({ length: here.slots }, () => here.work()))
    },

    /** More offers than it has slots for; some must be refused. */
    async overfill(): Promise<{ offers: Offer[]; answers: OfferAnswer[] }> {
      const offers = Array.from({ length: here.slots + BEYOND }, () => here.work())
      const answers = await here.offer(offers)
      const refused = answers.some(({ answer }) => answer !== 'taken')
      expect(refused, 'an offer beyond its slots to be refused', answers)
      return { offers, answers }
    },

    /** The callback of an attempt, when it comes. */
    async callbackOf({ attempt }: Offer): Promise<Callback> {
      await here.until(
        'a callback with the outcome',
        () => {
          return master.callbacksOf(attempt).length > 0
        },
        () => misfitsOr('no callback'),
      )
      return master.callbacksOf(attempt).at(-1)?.body as Callback
    },

    /** Ids of the attempts it says it has: all, or those of one status. */
    async held(status?: string): Promise<string[]> {
      const { attempts } = await here.slave.attempts()
      return attempts.filter((each) => !status || each.status === status).map((e) => e.attempt)
    },

    working,

    /** Calls back what still runs, and lets it end, so that the next rule finds a free slave. */
    async settle(): Promise<void> {
      master.beUsual()
      const attempts = await working()
      if (attempts.length === 0) return
      await here.slave.raw('POST', '/attempts/revoke', JSON.stringify({ attempts }))
      await cameTrue(async () => (await working()).length === 0, trial.patienceMs)
    },

    async close(): Promise<void> {
      await subject?.kill()
      await Promise.all([talk?.close(), master.close()])
      await rm(data, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  return here

  /** Ids of the attempts that it has and that have not ended. */
  async function working(): Promise<string[]> {
    const { body } = await here.slave.raw('GET', '/attempts')
    const { attempts = [] } = body as { attempts?: HeldAttempt[] }
    return attempts.filter(({ status }) => status !== 'ended').map(({ attempt }) => attempt)
  }

  /** When something came that did not fit, that is what there is to say. */
  function misfitsOr(words: string): unknown {
    return master.misfits.length > 0 ? master.misfits.slice(0, 3) : words
  }
}

async function ownPort(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (ports.has(port)) continue
    ports.add(port)
    return port
  }
}
