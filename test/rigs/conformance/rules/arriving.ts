// How a slave comes to its master, and what it does while the master is away.

import { expect } from '../broken.ts'
import { pass } from '../patience.ts'
import type { Group } from '../rule.ts'
import type { Session } from '../session.ts'

export const arriving: Group = {
  name: 'arriving',
  heartbeatMs: 'paced',
  /** The first registration is refused, the reply to the second gets lost. */
  prepare({ master }: Session) {
    master.ways.register = () =>
      (['fail', 'lose'] as const)[master.registrations.length - 1] ?? 'answer'
  },
  rules: [
    {
      name: 'registers',
      arrival: true,
      says: 'registers under its name and address, again and again until the master answers',
      async run({ master, registration, slave, name, trial }) {
        expect(master.registrations.length >= 3, 'three tries', master.registrations.length)
        expect(registration.name === name, `the name ${name}`, registration.name)
        if (trial.pull) return expect(registration.pull, '`pull` in place of `url`', registration)
        const { status } = await slave.raw('GET', '/attempts')
        expect(status === 200, `GET ${registration.url}/attempts to be answered`, status)
      },
    },
    {
      name: 'outage',
      says: 'keeps a result while the master is away, and delivers it when it is back',
      async run(here) {
        const { master, trial } = here
        // None of its tries before the master is away gets through.
        master.ways.callBack = () => 'fail'
        const offer = await here.take(100)
        await here.callbackOf(offer)
        await master.away()
        await pass(trial.awayMs)
        // A slave that polls cannot reach the master while the master is away.
        const ended = trial.pull ? [offer.attempt] : await here.held('ended')
        expect(ended.includes(offer.attempt), 'it to have the result still', ended)
        const beats = master.heartbeats.length
        master.beUsual()
        await master.back()
        const delivered = () => master.acknowledged.has(offer.attempt)
        await here.until('the result to be delivered', delivered, () => 'no callback')
        const outcome = master.callbacksOf(offer.attempt).at(-1)?.body.outcome
        expect(outcome?.status === 'done', 'the result', outcome)
        await here.until('it to beat again', () => master.heartbeats.length > beats)
      },
    },
  ],
}

/** Registrations are refused as they are while an earlier run of the slave still counts as alive. */
export const turnedAway: Group = {
  name: 'turned away',
  heartbeatMs: 'paced',
  prepare({ master }: Session) {
    master.ways.register = () => ([409, 422] as const)[master.registrations.length - 1] ?? 'answer'
  },
  rules: [
    {
      name: 'registers-refused',
      arrival: true,
      says: 'registers again, after a pause, when it is refused (409 `name-taken`, 422 `unreachable-slave`)',
      async run(here) {
        const { registrations } = here.master
        expect(registrations.length >= 3, 'three tries', registrations.length)
        await here.callbackOf(await here.take(100))
      },
    },
  ],
}
