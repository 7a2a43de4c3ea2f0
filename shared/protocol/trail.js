// The trail of a task as clients read it: every event there is, what kind of event it is, and the
// sentence that tells it. The page, the command line and the traces all read trails by this file. It is
// JavaScript because the browser runs this very file, and nothing is built.

/**
 * Every event of a trail, and what it means for the task.
 *
 *   taken       a slave accepted the offer and has the task
 *   refused     a slave refused it, or is known to refuse
 *   unanswered  a slave gave no usable answer, or is known to give none
 *   lost        the attempt ended without an outcome
 *   undelivered the offer never reached the slave that was to have it
 *   failed      the attempt failed; the task is tried again, or given up
 *   note        neither an answer nor an end
 *   end         the task ended
 */
export const TRAIL_EVENTS = /** @type {const} */ ({
  taken: 'taken',
  busy: 'refused',
  draining: 'refused',
  unable: 'refused',
  unwilling: 'refused',
  revoked: 'refused',
  elsewhere: 'refused',
  'no answer': 'unanswered',
  unreachable: 'unanswered',
  faulty: 'unanswered',
  suspect: 'unanswered',
  silent: 'unanswered',
  lost: 'lost',
  'slave-lost': 'lost',
  'outcome-lost': 'lost',
  'not arrived': 'undelivered',
  'executor-crashed': 'failed',
  'memory-limit': 'failed',
  'time-limit': 'failed',
  'program-missing': 'failed',
  'exit-code': 'failed',
  'old failure': 'note',
  retry: 'note',
  found: 'note',
  silence: 'note',
  unclaimed: 'note',
  'master started': 'note',
  'clock set': 'note',
  omitted: 'note',
  done: 'end',
  failed: 'end',
  cancelled: 'end',
  expired: 'end',
})

/**
 * @typedef {keyof typeof TRAIL_EVENTS} TrailEvent
 * @typedef {(typeof TRAIL_EVENTS)[TrailEvent]} TrailMeaning
 * @typedef {Omit<import('./api/tasks.ts').TrailEntry, 'event'> & { event: string }} Entry an entry as the
 *   API gives it; a master of a newer version may send other events
 * @typedef {string | { slave: string } | { said: string } | { ms: number }} Piece plain words, the name
 *   of a slave, a reason, or a length of time
 * @typedef {{ entry: Entry, tone: 'yes' | 'no' | 'bad' | 'plain', pieces: Piece[] }} Line
 */

/** What an event means; null for an event of a newer version. @param {string} event */
export const meaningOf = (event) => (isEvent(event) ? TRAIL_EVENTS[event] : null)

/** @param {string} event @returns {event is TrailEvent} */
const isEvent = (event) => Object.hasOwn(TRAIL_EVENTS, event)

/** Whether the entry says how a slave answered, or would have. @param {{ event: string }} entry */
export function isAnswer({ event }) {
  const meaning = meaningOf(event)
  return meaning === 'taken' || meaning === 'refused' || meaning === 'unanswered'
}

/** Whether the attempt before it is over. @param {{ event: string }} entry */
const endsAttempt = ({ event }) => {
  const meaning = meaningOf(event)
  return ['lost', 'undelivered', 'failed', 'end'].includes(meaning ?? '')
}

/**
 * The attempts of a task: from each taking to the entry that ended it, which is null while it runs, and
 * the next taking where no entry tells its end.
 * @template {{ event: string }} E
 * @param {readonly E[]} trail
 * @returns {{ taken: E, ended: E | null }[]}
 */
export function attemptsOf(trail) {
  /** @type {{ taken: E, ended: E | null }[]} */
  const attempts = []
  for (const entry of trail) {
    const last = attempts.at(-1)
    const isTaken = meaningOf(entry.event) === 'taken'
    if (last && last.ended === null && (isTaken || endsAttempt(entry))) last.ended = entry
    if (isTaken) attempts.push({ taken: entry, ended: null })
  }
  return attempts
}

/** A trail in sentences, one for each entry. @param {readonly Entry[]} trail @returns {Line[]} */
export function linesOf(trail) {
  let asks = 0
  return trail.map((entry) => {
    if (entry.event === 'retry') asks = 0
    if (entry.event === 'found' || (isAnswer(entry) && entry.slave !== undefined)) asks++
    return { entry, tone: toneOf(entry.event), pieces: sentenceOf(entry, asks) }
  })
}

/** @param {string} event @returns {Line['tone']} */
function toneOf(event) {
  if (event === 'done') return 'yes'
  switch (meaningOf(event)) {
    case 'taken':
      return 'yes'
    case 'refused':
      return 'no'
    case 'end':
    case 'note':
      return event === 'failed' ? 'bad' : 'plain'
    default:
      return 'bad'
  }
}

/** @param {Entry} entry @param {number} asks slaves so far, with this one @returns {Piece[]} */
function sentenceOf(entry, asks) {
  const { event, slave = '', reason = '', ms, knownMs } = entry
  const name = { slave }
  const why = reason === '' ? [] : [': ', { said: reason }]
  const answered = ms === undefined ? [] : [', answered in ', { ms }]
  if (isAnswer(entry) && slave === '') return [{ said: reason }]
  if (isAnswer(entry) && knownMs !== undefined) {
    const passed = [`skipped ${ordinal(asks)}: `, name, ', not available', ...why]
    return [...passed, ' (answer reused, ', { ms: knownMs }, ' old)']
  }
  if (!isEvent(event)) return [event, ...(slave ? [', ', name] : []), ...why]
  switch (event) {
    case 'taken':
      return [`asked ${ordinal(asks)}: `, name, ', available', ...answered, '; it has the task']
    case 'no answer':
      return [`asked ${ordinal(asks)}: `, name, ', no answer', ...why]
    case 'unreachable':
      return ['could not be asked: ', name, ...why]
    case 'busy':
    case 'draining':
    case 'unable':
    case 'unwilling':
    case 'revoked':
    case 'elsewhere':
    case 'faulty':
    case 'suspect':
    case 'silent':
      return [`asked ${ordinal(asks)}: `, name, ', not available', ...why, ...answered]
    case 'slave-lost':
    case 'lost':
      return [name, ' was lost', ...why]
    case 'outcome-lost':
    case 'executor-crashed':
    case 'memory-limit':
    case 'time-limit':
    case 'program-missing':
    case 'exit-code':
      return [name, `: ${event}`, ...why]
    case 'not arrived':
      return ['lost on its way to ', name, ...why]
    case 'old failure':
      return ['an earlier attempt failed on ', name, ...why]
    case 'retry':
      return ['tried again after a pause (', { said: reason }, ')']
    case 'found':
      return [name, ' holds the attempt']
    case 'silence':
      return [name, ' was ', { said: reason }]
    case 'unclaimed':
      return ['abandoned by its client', ...why]
    case 'master started':
      return ['the master was restarted']
    case 'clock set':
      return ["the master's wall clock jumped ", { said: reason }]
    case 'omitted':
      return ['(', { said: reason }, ' left out)']
    case 'done':
    case 'failed':
    case 'cancelled':
    case 'expired':
      return [event, ...(slave ? [', ', name] : []), ...why]
  }
}

/** 1st, 2nd, 3rd ... @param {number} n */
export function ordinal(n) {
  const tens = n % 100
  if (tens > 10 && tens < 14) return `${n}th`
  return `${n}${['th', 'st', 'nd', 'rd'][n % 10] ?? 'th'}`
}
