// Long-poll channels: deliver offers to slaves that the master cannot connect to. Offers and revocations
// collect in a channel during a turn, and are sent as the reply to the slave's open poll.
//
//   a poll:   new --(the core takes it)--> open --(offers, revocations, its time)--> answered
//              \---(the core does not, or the slave hangs up)--------------------------^
//
// A channel outlives its polls: the next poll of the slave takes it over. If none arrives in time, or the
// slave hangs up, the core hears `poll-gone`, and that the offers in the channel are undelivered.

import type { Clock } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { Input, Polled } from '../core/messages.ts'
import type { PollId } from '../core/reach.ts'
import type { Channel, OutgoingOffer } from './channel.ts'
import { listLength, offerText } from './channel.ts'

/** The reply to a poll; null: there is nothing for the slave. */
export type PollAnswer = {
  offers: OutgoingOffer[]
  revoke: string[]
  /** Of a slave that did not name itself: the name that it has from the master. */
  given: string | null
}
export type AnswerPoll = (problem: Problem | null, answer: PollAnswer | null) => void

const POLL_IS_OVER = 'its poll has ended'

type PollChannel = Channel & {
  readonly slave: string
  /** The poll by which it sends, or the last one. */
  poll: Poll | null
  offers: OutgoingOffer[]
  revoked: string[]
  /** Offers whose input is still read. */
  expected: number
  /** Why nothing can be sent any more; null while it can. */
  closed: string | null
}

type Poll = {
  /** From the moment at which the core takes the poll. */
  channel: PollChannel | null
  take(channel: PollChannel): void
  /** Sends what the channel has, if it can. */
  settle(): void
  /** The core does not take it, or no more of it. */
  end(problem: Problem | null): void
  /** Leaves its channel to the poll that follows. */
  giveUp(): PollChannel | null
}

export type PollChannels = ReturnType<typeof createPollChannels>

export function createPollChannels(given: {
  clock: Clock
  /** For how long a channel waits for the next poll of its slave. */
  patienceMs: number
  post: (input: Input) => void
}) {
  const { clock, post } = given
  /** Until the core knows them no more. */
  const polls = new Map<PollId, Poll>()
  let made = 0
  let closing = false

  return {
    /** Holds a poll for at most `waitMs`. Gives what to call when the slave has hung up. */
    open(said: Polled, waitMs: number, answer: AnswerPoll): () => void {
      if (!closing) return hold(said, waitMs, answer)
      answer(new Problem('draining', 'the master is shutting down'), null)
      return () => {}
    },

    /** The core takes the poll as that of this slave, in place of the one before, if any. */
    take(id: PollId, before: PollId | null, slave: string): void {
      const left = before === null ? null : (polls.get(before)?.giveUp() ?? null)
      if (before !== null) polls.delete(before)
      const poll = polls.get(id)
      if (!poll) return
      // A channel that was closed in this very turn sends nothing any more.
      const channel = left?.closed === null ? left : createChannel(slave)
      channel.poll = poll
      poll.take(channel)
    },

    /** The core has dropped the poll: if it is open, it is answered with nothing or the problem. */
    end(id: PollId, problem: Problem | null): void {
      polls.get(id)?.end(problem)
      polls.delete(id)
    },

    /** The channel to the slave whose poll this is. */
    to: (slave: string, id: PollId): Channel =>
      polls.get(id)?.channel ?? createChannel(slave, POLL_IS_OVER),

    /** Answers all polls with nothing; later ones are refused. Idempotent. */
    close(): void {
      closing = true
      for (const poll of polls.values()) poll.end(null)
    },
  }

  function hold(said: Polled, waitMs: number, answer: AnswerPoll): () => void {
    const id = String(++made)
    const isNameless = said.simple && said.slave === null
    const until = later(clock.now(), waitMs)
    let state: 'new' | 'open' | 'answered' = 'new'
    const poll: Poll = { channel: null, take, settle, end, giveUp }
    let callOff = clock.at(until, settle)
    polls.set(id, poll)
    post({ is: 'poll', said, poll: id })
    return hangUp

    function take(channel: PollChannel): void {
      poll.channel = channel
      if (state !== 'new') return gone(channel, true, 'it disconnected')
      state = 'open'
      plan(channel)
    }

    function settle(): void {
      const { channel } = poll
      if (state !== 'open' || channel === null || channel.expected > 0) return
      const { slave } = channel
      if (channel.offers.length + channel.revoked.length > 0) {
        const offers = channel.offers.splice(0, listLength(channel.offers))
        const given = isNameless ? slave : null
        reply(null, { offers, revoke: channel.revoked.splice(0), given })
        post({ is: 'handed', slave, poll: id, attempts: offers.map(({ attempt }) => attempt) })
        waitForNext(channel)
      } else if (clock.now() >= until) {
        reply(null, null)
        waitForNext(channel)
      }
    }

    /** A simple slave need not poll again at once: nothing waits for it. */
    function waitForNext(channel: PollChannel): void {
      const lapse = (): void => gone(channel, false, 'it did not poll again')
      if (said.simple) lapse()
      else callOff = clock.at(later(clock.now(), given.patienceMs), lapse)
    }

    function hangUp(): void {
      if (state === 'answered') return
      state = 'answered'
      callOff()
      // If the core has not taken the poll yet, it hears of this when it does.
      if (poll.channel !== null) gone(poll.channel, true, 'it disconnected')
    }

    function gone(channel: PollChannel, hungUp: boolean, reason: string): void {
      post({ is: 'poll-gone', slave: channel.slave, poll: id, hungUp })
      shut(channel, reason)
    }

    function end(problem: Problem | null): void {
      reply(problem, null)
      if (poll.channel !== null) shut(poll.channel, POLL_IS_OVER)
    }

    function giveUp(): PollChannel | null {
      reply(null, null)
      return poll.channel
    }

    function reply(problem: Problem | null, found: PollAnswer | null): void {
      callOff()
      if (state === 'answered') return
      state = 'answered'
      answer(problem, found)
    }
  }

  function createChannel(slave: string, closed: string | null = null): PollChannel {
    const channel: PollChannel = {
      slave,
      poll: null,
      offers: [],
      revoked: [],
      expected: 0,
      closed,
      expect(): void {
        channel.expected++
      },
      offer(offer): void {
        channel.expected--
        if (offer && channel.closed !== null) return undelivered(slave, [offer], channel.closed)
        if (offer) channel.offers.push(offer)
        plan(channel)
      },
      revoke(attempts): void {
        channel.revoked.push(...attempts)
        plan(channel)
      },
    }
    return channel
  }

  function shut(channel: PollChannel, reason: string): void {
    channel.closed ??= reason
    undelivered(channel.slave, channel.offers.splice(0), reason)
  }

  function undelivered(slave: string, offers: OutgoingOffer[], reason: string): void {
    if (offers.length === 0) return
    const attempts = offers.map(({ attempt }) => attempt)
    post({ is: 'no-answer', slave, attempts, how: 'unsent', reason })
  }
}

/** What is collected in one turn is sent in one reply. */
function plan(channel: PollChannel): void {
  queueMicrotask(() => channel.poll?.settle())
}

/** The body that answers a poll: a list, or the one offer that a simple slave has room for. */
export function answerText({ simple }: Polled, { offers, revoke, given }: PollAnswer): string {
  const texts = offers.map(offerText)
  if (!simple) return `{"offers":[${texts.join(',')}],"revoke":${JSON.stringify(revoke)}}`
  return given === null
    ? texts.join()
    : `{"slave":${JSON.stringify(given)},${texts.join().slice(1)}`
}
