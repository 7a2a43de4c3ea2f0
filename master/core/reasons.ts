// The master's own reasons in a trail, as data, and the one place
// that puts them into words. Reasons that slaves give pass through unchanged. Pure.

import type { Lack } from './needs.ts'
import { lackInWords } from './needs.ts'

/** Why a slave is not asked. */
type KnownReason =
  /** It does not answer, or has stopped polling. */
  | { is: 'absent'; polls: boolean }
  /** It reports to another master, at these addresses. */
  | { is: 'elsewhere'; to: string }
  /** An operator drained it. */
  | { is: 'drained' }
  /** Answers to offers in a row that could not be used; what the last one was. */
  | { is: 'faulty'; count: number; last: string }
  /** Offers that it declined in a row although it has room. */
  | { is: 'declining'; count: number; last: string }
  /** It takes tasks by polling, and does not poll. */
  | { is: 'not polling' }
  | { is: 'full'; taken: number; slots: number; offered: number }
  /** It cannot run such a task. */
  | { is: 'lacks'; lack: Lack }
  /** A number of further slaves that are not named. */
  | { is: 'others'; count: number }

/** Why an attempt was given up without an outcome. */
export type LossReason =
  | { is: 'not listed' }
  | { is: 'left' }
  | { is: 'lease over' }
  /** No outcome within its run limit; `ended`: the slave listed it as ended. */
  | { is: 'overdue'; runLimitMs: number; ended: boolean }
  | { is: 'polls again' }
  /** After a start of the master: its slave is not known. */
  | { is: 'not registered' }
  | { is: 'poll lost' }

export type Reason =
  | KnownReason
  | LossReason
  /** It deregistered with an offer in flight. */
  | { is: 'gone' }
  | { is: 'after try'; tries: number }
  /** A failure as its slave reported it. */
  | { is: 'failure'; type: string; message: string }
  | { is: 'adopted' }
  /** Its slave was silent for so long; `asked`: it was then asked what it has. */
  | { is: 'silent'; ms: number; asked: boolean }
  | { is: 'hung up' }
  | { is: 'clock jumped'; byMs: number }
  /** So many entries of a long trail were left out. */
  | { is: 'omitted'; entries: number }

/** A reason of the master in words. */
export function inWords(why: Reason): string {
  switch (why.is) {
    case 'absent':
      return why.polls ? 'has stopped polling' : 'does not answer'
    case 'elsewhere':
      return `reports to ${why.to}, not to this master: start it with --master and this master's URL`
    case 'drained':
      return 'drained by an operator'
    case 'faulty':
      return `${why.count} consecutive offers had no usable answer; the last: ${why.last}`
    case 'declining':
      return `declined ${why.count} consecutive offers although it has free slots; the last: ${why.last}`
    case 'not polling':
      return 'is not polling'
    case 'full': {
      const offered = why.offered > 0 ? `, ${why.offered} being offered` : ''
      return `running ${why.taken} of ${why.slots}${offered}`
    }
    case 'lacks':
      return lackInWords(why.lack)
    case 'others':
      return `and ${why.count} more ${why.count === 1 ? 'slave' : 'slaves'}`
    case 'not listed':
      return 'the slave no longer holds the attempt'
    case 'left':
      return 'the slave deregistered'
    case 'lease over':
      return 'its lease expired: the slave did not confirm that it holds the attempt'
    case 'overdue': {
      const ended = why.ended ? ', although the attempt ended on the slave' : ''
      return `no outcome within its limit of ${why.runLimitMs} ms${ended}`
    }
    case 'polls again':
      return 'the slave polls again without having delivered an outcome'
    case 'not registered':
      return 'the slave is no longer registered'
    case 'poll lost':
      return 'the response to its poll was lost'
    case 'gone':
      return 'has left'
    case 'after try':
      return `after try ${why.tries}`
    case 'failure':
      return `${why.type}: ${why.message}`
    case 'adopted':
      return 'it holds the attempt'
    case 'silent':
      return `silent for ${Math.round(why.ms)} ms${why.asked ? '; the master probes it' : ''}`
    case 'hung up':
      return 'the client disconnected before it got the id of the task'
    case 'clock jumped':
      return `by ${Math.round(why.byMs / 1000)} s`
    case 'omitted':
      return `${why.entries} entries`
  }
}
