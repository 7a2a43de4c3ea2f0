// A trail in sentences: who was asked, what each answered, and what befell the task. Pure.

import { length, ordinal } from './format.js'

/**
 * @typedef {{ at: string, event: string, slave?: string, reason?: string, ms?: number,
 *   knownMs?: number }} Entry
 * @typedef {{ entry: Entry, tone: 'yes' | 'no' | 'bad' | 'plain', before: string, slave: string | null,
 *   after: string, reason: string, note: string }} Line
 */

const REFUSALS = new Set(['busy', 'draining', 'unable', 'unwilling', 'revoked', 'elsewhere'])
const SILENCE = new Set(['no answer', 'unreachable', 'faulty', 'suspect', 'silent'])
/** What is neither an answer nor a failure. */
const WORDS = {
  lost: ['given up on ', ''],
  retry: ['to be tried again', ''],
  found: ['found again: ', ' has it'],
  'not arrived': ['the poll of ', ' brought it, and it did not arrive'],
  unclaimed: ['given up by its client', ''],
  'master started': ['the master started anew', ''],
  'clock set': ["the master's wall clock jumped", ''],
  'old failure': ['an attempt that no longer counts failed on ', ''],
  done: ['done by ', ''],
  cancelled: ['cancelled', ''],
  expired: ['it waited as long as it might', ''],
}

/** @param {Entry[]} trail @returns {Line[]} */
export function linesOf(trail) {
  let asks = 0
  return trail.map((entry) => {
    const { event, slave = null, reason = '', ms, knownMs } = entry
    const note = knownMs === undefined ? (ms === undefined ? '' : length(ms)) : known(knownMs)
    const line = { entry, slave, reason, note, before: '', after: '' }
    if (event === 'taken' || REFUSALS.has(event) || SILENCE.has(event)) {
      if (slave === null) return { ...line, tone: 'no', before: 'not available' }
      const nth = ordinal(++asks)
      const before = knownMs === undefined ? `asked ${nth}: ` : `${nth}, not asked anew: `
      if (event === 'taken')
        return { ...line, before, tone: 'yes', after: ', available, has taken it' }
      if (SILENCE.has(event)) return { ...line, before, tone: 'bad', after: `, ${event}` }
      const after = event === 'busy' ? ', not available' : `, not available, ${event}`
      return { ...line, before, tone: 'no', after }
    }
    if (event === 'omitted') return { ...line, tone: 'plain', before: 'left out here: ' }
    const words = WORDS[event]
    if (!words) return { ...line, tone: 'bad', before: `${event}${slave ? ' on ' : ''}` }
    const tone = event === 'done' ? 'yes' : event === 'lost' ? 'bad' : 'plain'
    const before = slave === null ? words[0].replace(/(: | by | on | of )$/, '') : words[0]
    return { ...line, tone, before, after: slave === null ? '' : words[1] }
  })
}

/** @param {number} ms */
const known = (ms) => `known for ${length(ms)}`

/**
 * The attempts of a task: from each taking to what ended it.
 * @param {Entry[]} trail
 * @returns {{ slave: string, from: string, to: string | null, how: string }[]}
 */
export function attemptsOf(trail) {
  const attempts = []
  for (const { at, event, slave = '', reason = '' } of trail) {
    const last = attempts.at(-1)
    if (event === 'taken') attempts.push({ slave, from: at, to: null, how: 'running' })
    else if (last && last.to === null && !isAnswer(event)) {
      Object.assign(last, { to: at, how: reason ? `${event}: ${reason}` : event })
    }
  }
  return attempts
}

/** @param {string} event */
const isAnswer = (event) =>
  REFUSALS.has(event) ||
  SILENCE.has(event) ||
  ['omitted', 'found', 'master started', 'clock set'].includes(event)
