// Polls of slaves, held open: the other way for an offer to travel. The core decides which poll an
// offer answers; a poll collects what the core hands to it in one turn, and answers once.
//
//   poll:  open --(offers, revoke)--> answered      the core hears `handed`
//           |  \--(core ends it)----> answered      with nothing, or with a problem
//           +-----(hangs up)--------> gone          the core hears `poll-gone`
//
// What is handed to a poll that is no longer open cannot have reached the slave, and the core hears
// that too.

import type { Clock } from '../shared/clock.ts'
import { Problem } from '../shared/problems.ts'
import type { Input } from './core/effects.ts'
import type { Polled } from './core/pulling.ts'
import type { OutgoingOffer } from './transport.ts'
import { listLength, offerText } from './transport.ts'

/** What a slave hears in answer to its poll; null: nothing came. */
export type PollAnswer = { offers: OutgoingOffer[]; revoke: string[] }
export type AnswerPoll = (problem: Problem | null, answer: PollAnswer | null) => void

/** A poll as the dispatcher knows it, and the core as a token. */
export type Poll = {
  /** An offer is on its way to the poll: gives what to call with it, or with null when there is none. */
  expect(): (offer: OutgoingOffer | null) => void
  revoke(attempts: string[]): void
  end(problem: Problem | null): void
}

export type Polls = ReturnType<typeof createPolls>

export function createPolls({ clock, post }: { clock: Clock; post: (input: Input) => void }) {
  const held = new Set<Poll>()
  let closing = false

  return {
    /** Holds a poll for at most `waitMs`. Gives what to call when the slave has hung up. */
    open(said: Polled, waitMs: number, answer: AnswerPoll): () => void {
      if (closing) {
        answer(new Problem('draining', 'the master is shutting down'), null)
        return () => {}
      }
      return hold(said, waitMs, answer)
    },

    /** Answers all polls with nothing; later ones are refused. Idempotent. */
    close(): void {
      closing = true
      for (const poll of held) poll.end(null)
    },
  }

  function hold(said: Polled, waitMs: number, answer: AnswerPoll): () => void {
    const slave = said.simple ? said.slave : said.state.slave
    const until = clock.now() + waitMs
    const offers: OutgoingOffer[] = []
    const revoked: string[] = []
    let expected = 0
    let planned = false
    let open = true
    const poll: Poll = { expect, revoke, end }
    const callOff = clock.at(until, over)
    held.add(poll)
    post({ is: 'poll', said, poll })
    return hangUp

    function expect() {
      expected++
      return (offer: OutgoingOffer | null): void => {
        expected--
        if (offer && !open) return undelivered([offer], 'its poll is over')
        if (offer) offers.push(offer)
        plan()
        if (!offer && clock.now() >= until) over()
      }
    }

    function revoke(attempts: string[]): void {
      revoked.push(...attempts)
      plan()
    }

    /** What the core hands over in one turn goes in one answer; also inputs that are still read. */
    function plan(): void {
      if (planned) return
      planned = true
      queueMicrotask(() => {
        planned = false
        if (open && expected === 0 && offers.length + revoked.length > 0) hand()
      })
    }

    function hand(): void {
      finish()
      const more = offers.splice(listLength(offers))
      answer(null, { offers, revoke: revoked })
      post({ is: 'handed', slave, poll, attempts: offers.map(({ attempt }) => attempt) })
      undelivered(more, 'one answer carries no more')
    }

    function over(): void {
      if (open && expected + offers.length === 0) post({ is: 'poll-over', slave, poll })
    }

    function end(problem: Problem | null): void {
      if (!open) return
      finish()
      answer(problem, null)
      undelivered(offers, 'its poll is over')
    }

    function hangUp(): void {
      if (!open) return
      finish()
      post({ is: 'poll-gone', slave, poll })
      undelivered(offers, 'it hung up')
    }

    function finish(): void {
      open = false
      callOff()
      held.delete(poll)
    }

    function undelivered(all: OutgoingOffer[], reason: string): void {
      if (all.length === 0) return
      const attempts = all.map(({ attempt }) => attempt)
      post({ is: 'no-answer', slave, attempts, delivered: false, reason })
    }
  }
}

/** The body that answers a poll: a list, or the one offer that a simple slave has room for. */
export function answerText({ simple }: Polled, { offers, revoke }: PollAnswer): string {
  const texts = offers.map(offerText)
  return simple
    ? texts.join()
    : `{"offers":[${texts.join(',')}],"revoke":${JSON.stringify(revoke)}}`
}
