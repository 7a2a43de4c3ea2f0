// Polls of slaves, held open: the other way for an offer to travel. The core decides which slave an
// offer is for; the lane to a slave that polls collects what is for it, and its open poll brings all
// that one turn of the master has collected.
//
//   a poll:   new --(the core takes it)--> open --(offers, revokes, its time)--> answered
//              \---(the core does not, or it hangs up)------------------------------^
//
// A lane outlives its polls: between one and the next it waits for the slave, as an offer by request
// waits for the answer. When none comes, or the slave hangs up, the core hears `poll-gone`, and of
// what was collected, that it cannot have reached the slave.

import type { Clock } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { Input, Polled } from '../core/messages.ts'
import type { OutgoingOffer } from './push-channel.ts'
import { listLength, offerText } from './push-channel.ts'

/** What a slave hears in answer to its poll; null: nothing came. */
export type PollAnswer = {
  offers: OutgoingOffer[]
  revoke: string[]
  /** Of a slave that did not name itself: the name that it has from the master. */
  given: string | null
}
export type AnswerPoll = (problem: Problem | null, answer: PollAnswer | null) => void

/** What is for one slave and has not yet been handed over. */
type Lane = {
  poll: Poll
  offers: OutgoingOffer[]
  revoked: string[]
  /** Offers whose input is still read. */
  expected: number
  planned: boolean
  /** Why nothing can be handed over any more. */
  closed: string | null
}

/** A poll as the dispatcher knows it, and the core as a token. */
export type Poll = {
  /** The core takes it as that of this slave, in place of the slave's poll before it. */
  take(before: Poll | null, slave: string): void
  /** An offer is on its way: gives what to call with it, or with null when there is none after all. */
  expect(): (offer: OutgoingOffer | null) => void
  revoke(attempts: string[]): void
  /** The core does not take it, or no more of it. */
  end(problem: Problem | null): void
  /** For the poll that follows. */
  giveUp(): Lane
  /** Brings what the lane has, if it can. */
  settle(): void
}

export type Polls = ReturnType<typeof createPolls>

export function createPolls(given: {
  clock: Clock
  /** So long a lane waits for the next poll of its slave. */
  patienceMs: number
  post: (input: Input) => void
}) {
  const { clock, post } = given
  /** Those that are held, or whose lane waits for the next. */
  const live = new Set<Poll>()
  let closing = false

  return {
    /** Holds a poll for at most `waitMs`. Gives what to call when the slave has hung up. */
    open(said: Polled, waitMs: number, answer: AnswerPoll): () => void {
      if (!closing) return hold(said, waitMs, answer)
      answer(new Problem('draining', 'the master is shutting down'), null)
      return () => {}
    },

    /** Answers all polls with nothing; later ones are refused. Idempotent. */
    close(): void {
      closing = true
      for (const poll of live) poll.end(null)
    },
  }

  function hold(said: Polled, waitMs: number, answer: AnswerPoll): () => void {
    const ownName = said.simple ? said.slave : said.state.slave
    /** Known at the latest when the core takes it: before that nothing is for it. */
    let slave = ownName ?? ''
    const until = later(clock.now(), waitMs)
    let state: 'new' | 'open' | 'answered' = 'new'
    const poll: Poll = { take, expect, revoke, end, giveUp, settle }
    let lane = createLane(poll)
    let callOff = clock.at(until, settle)
    live.add(poll)
    post({ is: 'poll', said, poll })
    return hangUp

    function take(before: Poll | null, name: string): void {
      slave = name
      const left = before?.giveUp()
      // One that was shut in this very turn brings nothing any more, and never will.
      if (left?.closed === null) lane = Object.assign(left, { poll })
      if (state !== 'new') {
        post({ is: 'poll-gone', slave, poll, hungUp: true })
        return shut('it hung up')
      }
      state = 'open'
      plan(lane)
    }

    function expect() {
      const its = lane
      its.expected++
      return (offer: OutgoingOffer | null): void => {
        its.expected--
        if (offer && its.closed !== null) return undelivered([offer], its.closed)
        if (offer) its.offers.push(offer)
        plan(its)
      }
    }

    function revoke(attempts: string[]): void {
      lane.revoked.push(...attempts)
      plan(lane)
    }

    function settle(): void {
      if (state !== 'open' || lane.expected > 0) return
      if (lane.offers.length + lane.revoked.length > 0) {
        const offers = lane.offers.splice(0, listLength(lane.offers))
        const given = ownName === null ? slave : null
        reply(null, { offers, revoke: lane.revoked.splice(0), given })
        post({ is: 'handed', slave, poll, attempts: offers.map(({ attempt }) => attempt) })
        waitForNext()
      } else if (clock.now() >= until) {
        reply(null, null)
        waitForNext()
      }
    }

    /** A simple slave comes when it comes: nothing waits for it. */
    function waitForNext(): void {
      if (said.simple) lapse()
      else callOff = clock.at(later(clock.now(), given.patienceMs), lapse)
    }

    function lapse(): void {
      post({ is: 'poll-gone', slave, poll, hungUp: false })
      shut('it did not poll again')
    }

    function hangUp(): void {
      if (state === 'answered') return
      // Of one that the core has not yet taken it hears when it does.
      if (state === 'open') post({ is: 'poll-gone', slave, poll, hungUp: true })
      state = 'answered'
      shut('it hung up')
    }

    function end(problem: Problem | null): void {
      reply(problem, null)
      shut('its poll is over')
    }

    function giveUp(): Lane {
      reply(null, null)
      live.delete(poll)
      return lane
    }

    function reply(problem: Problem | null, found: PollAnswer | null): void {
      callOff()
      if (state === 'answered') return
      state = 'answered'
      answer(problem, found)
    }

    function shut(reason: string): void {
      callOff()
      live.delete(poll)
      lane.closed = reason
      undelivered(lane.offers.splice(0), reason)
    }

    function undelivered(offers: OutgoingOffer[], reason: string): void {
      if (offers.length === 0) return
      const attempts = offers.map(({ attempt }) => attempt)
      post({ is: 'no-answer', slave, attempts, delivered: false, reason })
    }
  }
}

const createLane = (poll: Poll): Lane => ({
  poll,
  offers: [],
  revoked: [],
  expected: 0,
  planned: false,
  closed: null,
})

/** What comes in one turn goes in one answer. */
function plan(lane: Lane): void {
  if (lane.planned) return
  lane.planned = true
  queueMicrotask(() => {
    lane.planned = false
    lane.poll.settle()
  })
}

/** The body that answers a poll: a list, or the one offer that a simple slave has room for. */
export function answerText({ simple }: Polled, { offers, revoke, given }: PollAnswer): string {
  const texts = offers.map(offerText)
  if (!simple) return `{"offers":[${texts.join(',')}],"revoke":${JSON.stringify(revoke)}}`
  return given === null
    ? texts.join()
    : `{"slave":${JSON.stringify(given)},${texts.join().slice(1)}`
}
