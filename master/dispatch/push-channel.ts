// Push channels: send requests to slaves at their addresses. A seam: the simulator has its own.
//
// Offers that collect for a slave while requests to it are under way go into the next one, as a list.

import type { Peer } from '../../shared/http/peer.ts'
import { createPeer, PeerError } from '../../shared/http/peer.ts'
import type { Connector } from '../../shared/http/tls.ts'
import { createCheck } from '../../shared/http/validate.ts'
import { AttemptsReply, OffersReply, RevokeReply } from '../../shared/protocol/wire.ts'
import type { Input, Registrant, Unanswered } from '../core/messages.ts'
import type { Channel, OutgoingOffer } from './channel.ts'
import { howUnanswered, listLength, offerText } from './channel.ts'

export type PushChannels = {
  to(slave: string, url: string): Channel
  /** Asks a slave who it is and what it holds: its answer is the input `visited` or `not-reached`. */
  visit(slave: string, url: string, token: Registrant | null): void
  close(): Promise<void>
}

/** Concurrent offer requests to one slave. */
const WINDOW = 2
/** One request revokes at most this many attempts. */
const REVOKES_MAX = 4096
/** Response limits, in bytes: extra per offer, base, attempt lists. Longer responses are cut off. */
const OFFER_ANSWER_BYTES = 8 * 1024
const ANSWER_BYTES = 64 * 1024
const ATTEMPTS_BYTES = 64 * 1024 * 1024
/** A connection that is unused for this long is closed. */
const IDLE_MS = 120_000

type PushChannel = Channel & {
  peer: Peer
  /** Attempts to revoke; one request at a time, so that they gather while it is under way. */
  revokes: Set<string>
  revoking: boolean
  queue: OutgoingOffer[]
  underWay: number
  usedAt: number
}

/** `receive` takes the inputs. */
export function createPushChannels(given: {
  askTimeoutMs: number
  receive: (input: Input) => void
  /** How to connect to a slave, and why not to a URL. Without it, any URL is allowed. */
  reach?: {
    connectTo: (slave: string, url: string) => Connector
    mistakeIn: (slave: string, url: string) => string | null
  }
}): PushChannels {
  const { receive, askTimeoutMs, reach } = given
  const channels = new Map<string, PushChannel>()
  const fits = {
    answers: createCheck(OffersReply).fits,
    visit: createCheck(AttemptsReply).fits,
    revoke: createCheck(RevokeReply).fits,
  }
  const sweep = setInterval(dropIdle, IDLE_MS)

  return {
    to: channelTo,

    visit(name, url, token) {
      const notReached = (reason: string): void =>
        receive({ is: 'not-reached', name, url, reason, token })
      if (!URL.canParse(url)) return notReached(`${url} is not a URL`)
      const mistake = reach?.mistakeIn(name, url)
      if (mistake) return notReached(`${url} ${mistake}`)
      channelTo(name, url)
        .peer.request('GET', '/attempts', undefined, { bytesMax: ATTEMPTS_BYTES })
        .then(
          (said) => {
            if (fits.visit(said)) receive({ is: 'visited', name, url, said, token })
            else notReached('another program answers at this address, not an askfirst slave')
          },
          (error: PeerError) => notReached(error.message),
        )
    },

    async close() {
      clearInterval(sweep)
      await Promise.all([...channels.values()].map(({ peer }) => peer.close()))
    },
  }

  function channelTo(slave: string, url: string): PushChannel {
    // The connection is to this slave and no other: its certificate says so.
    const key = reach ? `${slave} ${url}` : url
    let channel = channels.get(key)
    if (!channel) channels.set(key, (channel = createChannel(slave, url)))
    channel.usedAt = performance.now()
    return channel
  }

  function createChannel(slave: string, url: string): PushChannel {
    const { origin } = new URL(url)
    const limits = { connections: WINDOW + 2, timeoutMs: askTimeoutMs }
    const peer = createPeer(origin, { ...limits, connect: reach?.connectTo(slave, url) })
    let planned = false
    const channel: PushChannel = {
      peer,
      revokes: new Set(),
      revoking: false,
      queue: [],
      underWay: 0,
      usedAt: 0,
      expect: () => {},
      offer(offer) {
        if (offer === null) return
        channel.queue.push(offer)
        if (planned) return
        planned = true
        queueMicrotask(() => {
          planned = false
          send(slave, channel)
        })
      },
      revoke(attempts) {
        for (const attempt of attempts) channel.revokes.add(attempt)
        sendRevokes(slave, channel)
      },
    }
    return channel
  }

  function dropIdle(): void {
    for (const [url, { peer, underWay, revoking, usedAt }] of channels) {
      if (underWay > 0 || revoking || performance.now() - usedAt < IDLE_MS) continue
      channels.delete(url)
      void peer.close()
    }
  }

  function send(slave: string, channel: PushChannel): void {
    while (channel.queue.length > 0 && channel.underWay < WINDOW) {
      const offers = channel.queue.splice(0, listLength(channel.queue))
      channel.underWay++
      const boot = JSON.stringify(offers.at(-1)?.boot)
      const body = `{"boot":${boot},"offers":[${offers.map(offerText).join(',')}]}`
      const bytesMax = ANSWER_BYTES + offers.length * OFFER_ANSWER_BYTES
      channel.peer.request('POST', '/offers', body, { bytesMax }).then(
        (reply) => taken(slave, channel, offers, reply),
        (error: PeerError) => failed(slave, channel, offers, error),
      )
    }
  }

  function sendRevokes(slave: string, channel: PushChannel): void {
    if (channel.revoking || channel.revokes.size === 0) return
    channel.revoking = true
    const attempts = [...channel.revokes].slice(0, REVOKES_MAX)
    for (const attempt of attempts) channel.revokes.delete(attempt)
    const over = (input: Input): void => {
      channel.revoking = false
      receive(input)
      sendRevokes(slave, channel)
    }
    const body = JSON.stringify({ attempts })
    channel.peer.request('POST', '/attempts/revoke', body, { bytesMax: ANSWER_BYTES }).then(
      (reply) => {
        if (fits.revoke(reply)) over({ is: 'revoked', slave, attempts, state: reply.state })
        else over({ is: 'not-revoked', slave, attempts })
      },
      () => over({ is: 'not-revoked', slave, attempts }),
    )
  }

  function taken(
    slave: string,
    channel: PushChannel,
    offers: OutgoingOffer[],
    reply: unknown,
  ): void {
    channel.underWay--
    if (!fits.answers(reply)) {
      return failed(
        slave,
        channel,
        offers,
        new PeerError('the response does not match its schema', true),
        0,
      )
    }
    const { state, answers } = reply
    receive({ is: 'answers', slave, state, answers })
    const missing = missingIn(offers, answers)
    if (missing.length > 0)
      unanswered(slave, missing, 'silent', 'the response does not mention the offer')
    send(slave, channel)
  }

  function failed(
    slave: string,
    channel: PushChannel,
    offers: OutgoingOffer[],
    error: PeerError,
    ended = 1,
  ): void {
    channel.underWay -= ended
    unanswered(slave, offers, howUnanswered(error), error.message)
    send(slave, channel)
  }

  function unanswered(
    slave: string,
    offers: OutgoingOffer[],
    how: Unanswered,
    reason: string,
  ): void {
    const attempts = offers.map(({ attempt }) => attempt)
    receive({ is: 'no-answer', slave, attempts, how, reason })
  }
}

/** The offers that have no answer. Usually all are answered in order; then no Set is built. */
function missingIn(offers: OutgoingOffer[], answers: OffersReply['answers']): OutgoingOffer[] {
  if (offers.every(({ attempt }, i) => answers[i]?.attempt === attempt)) return []
  const named = new Set(answers.map(({ attempt }) => attempt))
  return offers.filter(({ attempt }) => !named.has(attempt))
}
