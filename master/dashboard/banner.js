// What the banner says: the state of the dispatcher in one sentence, without a browser.

import { count } from './format.js'

/**
 * The state of the dispatcher in one sentence. Good (green) only when a slot can be offered now and
 * nothing waits or was refused within the last minute.
 *
 * @param {Pick<typeof import('./live.js').live, 'link' | 'master' | 'verdict' | 'refusal'>} live
 */
export function matterOf({ link, master, verdict, refusal }) {
  if (link === 'connecting') return { tone: 'plain', words: 'Connecting to the master.' }
  if (link === 'lost' && refusal !== null) {
    return { tone: 'bad', words: 'This page is not authorized to read events.', more: refusal }
  }
  if (link === 'lost') {
    const more = 'The page shows the last known state and reconnects automatically.'
    return { tone: 'bad', words: 'The connection to the master is lost.', more }
  }
  if (!verdict) return { tone: 'plain', words: 'Waiting for the first data from the master.' }
  if (master?.accepting === false) {
    const more = 'It finishes its running tasks and accepts no new ones.'
    return { tone: 'warn', words: 'The master is draining.', more }
  }
  const { slaves, slots } = verdict
  if (slaves.registered === 0) {
    const more = 'Start one with: npm run slave -- --master URL'
    return { tone: 'bad', words: 'No slave is registered.', more }
  }
  if (slaves.alive === 0) {
    const more = `${count(slaves.registered)} registered; none can be asked now.`
    return { tone: 'bad', words: 'No slave is available.', more }
  }
  const suspect = slaves.suspect ?? 0
  const also =
    suspect > 0 ? `${count(suspect)} ${suspect === 1 ? 'slave does' : 'slaves do'} not answer.` : ''
  if (slots.total === 0) {
    const more = `The slaves that answer are drained or unwilling. ${also}`
    return { tone: 'bad', words: 'No slave accepts tasks.', more }
  }
  if (slots.free === 0) {
    const more = `No slot is free: new tasks are refused unless they are queued. ${also}`
    return { tone: 'full', words: 'At capacity.', more }
  }
  const { waiting, refusedLastMinute: refused } = verdict
  if (waiting > 0) {
    const more = `${count(waiting)} ${waiting === 1 ? 'task waits' : 'tasks wait'} for a slave. ${also}`
    return { tone: 'warn', words: 'Tasks are queued.', more }
  }
  if (refused > 0) {
    const more = `${count(refused)} refused in the last minute. ${also}`
    return { tone: 'warn', words: 'Slots are free again.', more }
  }
  if (suspect > 0) return { tone: 'warn', words: 'Slots are free.', more: also }
  return { tone: 'good', words: 'Slots are free.', more: 'A new task starts at once.' }
}
