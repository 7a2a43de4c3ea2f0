// The master's side of the wire to its slaves. A seam: the dispatcher asks for things to be said
// and hears of each exactly once how it went, as an input of the core; the simulator has its own.
//
// What queues up for a slave while requests to it are under way goes into the next one, as a list.

import type { Peer } from '../../shared/http/peer.ts'
import { createPeer, PeerError } from '../../shared/http/peer.ts'
import type { Connector } from '../../shared/http/tls.ts'
import { createCheck } from '../../shared/http/validate.ts'
import { traceFields } from '../../shared/protocol/trace.ts'
import { AttemptsReply, OffersReply, RevokeReply } from '../../shared/protocol/wire.ts'
import type { Input, Registrant } from '../core/messages.ts'

/** An offer whose input, and what it carries besides, are JSON text already. */
export type OutgoingOffer = {
  attempt: string
  task: string
  kind: string
  runLimitMs: number
  input: string
  work: string | null
  /** As a client said it, with the task as the parent (shared/protocol/trace.ts). */
  trace: string | null
}

/** A slave, where it is, and the run of its process that is meant. */
export type Addressee = { slave: string; url: string; boot: string }

export type Transport = {
  offer(to: Addressee, offer: OutgoingOffer): void
  revoke(slave: string, url: string, attempts: string[]): void
  visit(slave: string, url: string, token: Registrant | null): void
  close(): Promise<void>
}

/** Offer requests under way to one slave at a time. */
const WINDOW = 2
/** A slave that answers so is there, and takes none of the list: malformed to it, or too large. */
const TAKES_NONE = [400, 413]
/** One request carries at most this many offers, and about this many characters of input. */
const LIST_MAX = 512
const LIST_CHARS_MAX = 2 * 1024 * 1024
/** One request revokes at most this many attempts. */
const REVOKES_MAX = 4096
/** Longer answers are cut off: to offers, for each of them and around them; to the others. In bytes. */
const OFFER_ANSWER_BYTES = 8 * 1024
const ANSWER_BYTES = 64 * 1024
const ATTEMPTS_BYTES = 64 * 1024 * 1024
/** A slave that nothing was said to for this long is no longer connected to. */
const IDLE_MS = 120_000

type Lane = {
  peer: Peer
  /** Attempts to revoke; one request at a time, so that they gather while it is under way. */
  revokes: Set<string>
  revoking: boolean
  boot: string
  queue: OutgoingOffer[]
  underWay: number
  usedAt: number
  planned: boolean
}

/** The transport over HTTP. `receive` takes the inputs. */
export function createTransport(given: {
  askTimeoutMs: number
  receive: (input: Input) => void
  /** How to connect to a slave, and why not to a URL. Without it: anyhow, anywhere. */
  reach?: {
    connectTo: (slave: string, url: string) => Connector
    mistakeIn: (slave: string, url: string) => string | null
  }
}): Transport {
  const { receive, askTimeoutMs, reach } = given
  const lanes = new Map<string, Lane>()
  const fits = {
    answers: createCheck(OffersReply).fits,
    visit: createCheck(AttemptsReply).fits,
    revoke: createCheck(RevokeReply).fits,
  }
  const sweep = setInterval(dropIdle, IDLE_MS)

  return {
    offer({ slave, url, boot }, offer) {
      const lane = laneTo(slave, url)
      lane.boot = boot
      lane.queue.push(offer)
      if (lane.planned) return
      lane.planned = true
      queueMicrotask(() => {
        lane.planned = false
        send(slave, lane)
      })
    },

    revoke(slave, url, attempts) {
      const lane = laneTo(slave, url)
      for (const attempt of attempts) lane.revokes.add(attempt)
      sendRevokes(slave, lane)
    },

    visit(name, url, token) {
      const notReached = (reason: string): void =>
        receive({ is: 'not-reached', name, url, reason, token })
      if (!URL.canParse(url)) return notReached(`${url} is not a URL`)
      const mistake = reach?.mistakeIn(name, url)
      if (mistake) return notReached(`${url} ${mistake}`)
      laneTo(name, url)
        .peer.request('GET', '/attempts', undefined, { bytesMax: ATTEMPTS_BYTES })
        .then(
          (said) => {
            if (fits.visit(said)) receive({ is: 'visited', name, url, said, token })
            else notReached('what answers there is not an askfirst slave')
          },
          (error: PeerError) => notReached(error.message),
        )
    },

    async close() {
      clearInterval(sweep)
      await Promise.all([...lanes.values()].map(({ peer }) => peer.close()))
    },
  }

  function laneTo(slave: string, url: string): Lane {
    // The connection is to this slave and no other: its certificate says so.
    const key = reach ? `${slave} ${url}` : url
    let lane = lanes.get(key)
    if (!lane) {
      const { origin } = new URL(url)
      const limits = { connections: WINDOW + 2, timeoutMs: askTimeoutMs }
      const peer = createPeer(origin, { ...limits, connect: reach?.connectTo(slave, url) })
      const queues = { queue: [], revokes: new Set<string>(), revoking: false }
      lane = { peer, boot: '', ...queues, underWay: 0, usedAt: 0, planned: false }
      lanes.set(key, lane)
    }
    lane.usedAt = performance.now()
    return lane
  }

  function dropIdle(): void {
    for (const [url, { peer, underWay, revoking, usedAt }] of lanes) {
      if (underWay > 0 || revoking || performance.now() - usedAt < IDLE_MS) continue
      lanes.delete(url)
      void peer.close()
    }
  }

  function send(slave: string, lane: Lane): void {
    while (lane.queue.length > 0 && lane.underWay < WINDOW) {
      const offers = lane.queue.splice(0, listLength(lane.queue))
      lane.underWay++
      const body = `{"boot":${JSON.stringify(lane.boot)},"offers":[${offers.map(offerText).join(',')}]}`
      const bytesMax = ANSWER_BYTES + offers.length * OFFER_ANSWER_BYTES
      lane.peer.request('POST', '/offers', body, { bytesMax }).then(
        (reply) => taken(slave, lane, offers, reply),
        (error: PeerError) => failed(slave, lane, offers, error),
      )
    }
  }

  function sendRevokes(slave: string, lane: Lane): void {
    if (lane.revoking || lane.revokes.size === 0) return
    lane.revoking = true
    const attempts = [...lane.revokes].slice(0, REVOKES_MAX)
    for (const attempt of attempts) lane.revokes.delete(attempt)
    const over = (input: Input): void => {
      lane.revoking = false
      receive(input)
      sendRevokes(slave, lane)
    }
    const body = JSON.stringify({ attempts })
    lane.peer.request('POST', '/attempts/revoke', body, { bytesMax: ANSWER_BYTES }).then(
      (reply) => {
        if (fits.revoke(reply)) over({ is: 'revoked', slave, attempts, state: reply.state })
        else over({ is: 'not-revoked', slave, attempts })
      },
      () => over({ is: 'not-revoked', slave, attempts }),
    )
  }

  function taken(slave: string, lane: Lane, offers: OutgoingOffer[], reply: unknown): void {
    lane.underWay--
    if (!fits.answers(reply)) {
      return failed(slave, lane, offers, new PeerError('answered with something else', true), 0)
    }
    const { state, answers } = reply as OffersReply
    receive({ is: 'answers', slave, state, answers })
    const missing = unanswered(offers, answers)
    if (missing.length > 0) silent(slave, missing, true, 'left it out')
    send(slave, lane)
  }

  function failed(
    slave: string,
    lane: Lane,
    offers: OutgoingOffer[],
    { delivered, status, message }: PeerError,
    ended = 1,
  ): void {
    lane.underWay -= ended
    // A refusal of the request as a whole (4xx) took nothing.
    const refusedWhole = status !== null && status >= 400 && status < 500
    silent(slave, offers, delivered && !refusedWhole, message, TAKES_NONE.includes(status ?? 0))
    send(slave, lane)
  }

  function silent(
    slave: string,
    offers: OutgoingOffer[],
    delivered: boolean,
    reason: string,
    refused = false,
  ): void {
    const attempts = offers.map(({ attempt }) => attempt)
    receive({ is: 'no-answer', slave, attempts, delivered, reason, refused })
  }
}

/** Those that the answers do not name: in order and complete is the rule, and costs no set. */
function unanswered(offers: OutgoingOffer[], answers: OffersReply['answers']): OutgoingOffer[] {
  if (offers.every(({ attempt }, i) => answers[i]?.attempt === attempt)) return []
  const named = new Set(answers.map(({ attempt }) => attempt))
  return offers.filter(({ attempt }) => !named.has(attempt))
}

/** How many of these offers go into one message. */
export function listLength(queue: OutgoingOffer[]): number {
  let chars = 0
  let length = 0
  for (const { input, work } of queue) {
    chars += input.length + (work?.length ?? 0)
    if (length === LIST_MAX || (length > 0 && chars > LIST_CHARS_MAX)) break
    length++
  }
  return length
}

/** Ids and kinds are of characters that JSON does not escape, and the input is JSON already. */
export const offerText = ({
  attempt,
  task,
  kind,
  runLimitMs,
  input,
  work,
  trace,
}: OutgoingOffer): string =>
  `{"attempt":"${attempt}","task":"${task}","kind":"${kind}","runLimitMs":${runLimitMs},` +
  `"input":${input}${work === null ? '' : `,${work}`}${trace === null ? '' : traceText(trace)}}`

const traceText = (trace: string): string => `,${JSON.stringify(traceFields(trace)).slice(1, -1)}`
