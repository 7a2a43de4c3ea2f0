// The reasons that the master itself has for what it writes into a trail, as data, and the one place
// that puts them into words. What slaves say is theirs and passes through unchanged. Pure.

/** Why a slave is not asked. */
type KnownReason =
  /** It answers nothing. One that polls has not been heard of. */
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
  /** So many more slaves that are not named. */
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
  /** It left with the offer on its way. */
  | { is: 'gone' }
  | { is: 'after try'; tries: number }
  /** A failure as its slave told it. */
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
      return why.polls ? 'is not heard of' : 'does not answer'
    case 'elsewhere':
      return `reports to ${why.to}, not to this master: start it with --master and this master's URL`
    case 'drained':
      return 'drained by an operator'
    case 'faulty':
      return `${why.count} offers in a row had no usable answer; the last: ${why.last}`
    case 'declining':
      return `declined ${why.count} times in a row although it has room; the last: ${why.last}`
    case 'not polling':
      return 'is not polling'
    case 'full': {
      const offered = why.offered > 0 ? `, ${why.offered} being offered` : ''
      return `running ${why.taken} of ${why.slots}${offered}`
    }
    case 'others':
      return `and ${why.count} more slaves, by number`
    case 'not listed':
      return 'the slave no longer has it'
    case 'left':
      return 'the slave has left'
    case 'lease over':
      return 'its lease ran out: the slave did not say that it has it'
    case 'overdue': {
      const ended = why.ended ? ', although it ended there' : ''
      return `no outcome within its limit of ${why.runLimitMs} ms${ended}`
    }
    case 'polls again':
      return 'it polls again, without an outcome'
    case 'not registered':
      return 'no longer registered'
    case 'poll lost':
      return 'the answer to its poll was lost'
    case 'gone':
      return 'has left'
    case 'after try':
      return `after try ${why.tries}`
    case 'failure':
      return `${why.type}: ${why.message}`
    case 'adopted':
      return 'it has the task'
    case 'silent':
      return `silent for ${Math.round(why.ms)} ms${why.asked ? ': asked what it has' : ''}`
    case 'hung up':
      return 'its client hung up before it was told of the task'
    case 'clock jumped':
      return `by ${Math.round(why.byMs / 1000)} s`
    case 'omitted':
      return `${why.entries} entries`
  }
}
