// `askfirst status`: the master in a few lines.

import type { Status } from '../../../shared/client/client.ts'
import type { Runner } from '../command.ts'
import { command } from '../command.ts'
import { count, duration } from '../output.ts'

export const status = (run: Runner) =>
  command('status', 'shows the state of the master').action(
    run(async ({ client, output }) => {
      const master = client()
      const now = await master.status()
      output.show(now, () => statusInWords(master.url, now))
    }),
  )

function statusInWords(url: string, now: Status): string[] {
  const { slots, slaves, counters } = now
  const refused = Object.entries(counters.refused)
  const total = refused.reduce((sum, [, n]) => sum + n, 0)
  const kinds =
    total === 0
      ? ''
      : ` (${refused.map(([type, n]) => `${type} ${n.toLocaleString('en')}`).join(', ')})`
  const kept = Object.entries(now.tasks).map(([name, n]) => `${n.toLocaleString('en')} ${name}`)
  return [
    `master     ${url}, version ${now.version}, up for ${duration(now.upMs)}${now.accepting ? '' : ', shutting down'}`,
    `slaves     ${slaves.alive} of ${slaves.registered} available for offers; ${slots.free} of ${count(slots.total, 'slot')} free`,
    `tasks      ${now.running} running, ${now.waiting} waiting; kept: ${kept.join(', ') || 'none'}`,
    `since then ${count(counters.accepted, 'task')} accepted, ${counters.asks.toLocaleString('en')} asks, ${total.toLocaleString('en')} refused${kinds}, ${counters.attemptsLost.toLocaleString('en')} lost`,
    `lag        ${duration(now.eventLoopLagMs.p99)} (99 %), ${duration(now.eventLoopLagMs.max)} at most`,
  ]
}
