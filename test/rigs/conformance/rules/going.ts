// How a slave goes when it is received SIGTERM.

import type { OfferAnswer } from '../../../../shared/protocol/wire.ts'
import { expect } from '../broken.ts'
import { cameTrue, pass } from '../patience.ts'
import type { Group } from '../rule.ts'
import { once } from '../rule.ts'
import type { Session } from '../session.ts'

const BRIEF_MS = 100
const LONG_MS = 2000
/** So long it is looked whether it stays. */
const STAYS_MS = 1500

export const going: Group = {
  name: 'going',
  heartbeatMs: null,
  rules: [
    {
      name: 'drains',
      says: 'answers `draining`, with a reason, after SIGTERM',
      async run(here) {
        const { refusal } = await farewell(here)
        const inWords = typeof refusal === 'object' && refusal.reason !== ''
        expect(inWords && refusal.answer === 'draining', '`draining`, with a reason', refusal)
      },
    },
    {
      name: 'finishes',
      says: 'finishes and delivers what it has before it goes',
      async run(here) {
        const { taken } = await farewell(here)
        const goodbyeAt = here.master.leaves[0]?.at ?? Number.POSITIVE_INFINITY
        for (const attempt of taken) {
          const callback = here.master.callbacksOf(attempt)[0]
          expect(callback?.body.outcome.status === 'done', 'the result', callback ?? 'no callback')
          expect(callback.at < goodbyeAt, 'the result before the goodbye', 'it came after')
        }
      },
    },
    {
      name: 'leaves',
      says: 'says goodbye with DELETE /slaves/{name}?boot=, and its process ends with 0',
      async run(here) {
        const { ended } = await farewell(here)
        const { leaves } = here.master
        const last = leaves.at(-1)?.body
        const said = leaves.length === 1 && last?.name === here.name && last.boot === here.boot
        expect(said, `DELETE /slaves/${here.name}?boot=${here.boot}`, leaves)
        expect(ended, 'its process to end', 'it goes on')
        const { exitCode, signalCode } = here.subject.child
        expect(exitCode === 0, 'exit code 0', exitCode ?? signalCode)
      },
    },
  ],
}

/** The slave is told to stop while its outbox holds an outcome that the master does not take. */
export const delivering: Group = {
  name: 'delivering',
  heartbeatMs: 'paced',
  rules: [
    {
      name: 'delivers',
      says: 'stays until its outcomes are acknowledged, for as long as it may take to stop (30 s), and sends heartbeats',
      async run(here) {
        const { master, subject } = here
        master.ways.callBack = () => 'fail'
        const offer = await here.take(BRIEF_MS)
        await here.callbackOf(offer)
        const before = master.heartbeats.length
        subject.child.kill('SIGTERM')
        await pass(STAYS_MS)
        const stays = !subject.hasEnded() && master.leaves.length === 0
        expect(stays, 'it to stay while its outbox is not empty', 'it left')
        // The first two may be under way, and at once: it drains.
        const beats = () => master.heartbeats.length >= before + 4
        await here.until('heartbeats while it stays', beats, () => 'no more heartbeats')
        master.beUsual()
        const delivered = () => master.acknowledged.has(offer.attempt)
        await here.until('the outcome to be delivered', delivered, () => 'no callback')
        await here.until('its goodbye', () => master.leaves.length > 0)
      },
    },
  ],
}

/** The slave is told to stop while it works. */
const farewell = once(async (here: Session) => {
  const first = await here.take(LONG_MS)
  const taken = [first.attempt]
  here.subject.child.kill('SIGTERM')
  let refusal: OfferAnswer | string | undefined
  // What it takes before it has heard the signal is work like any other.
  await cameTrue(async () => {
    if (here.trial.pull) return (refusal = lastWords(here)) !== undefined
    const offer = here.work(BRIEF_MS)
    const said = await here.slave.raw(
      'POST',
      '/offers',
      JSON.stringify({ boot: here.boot, offers: [offer] }),
    )
    const answer = (said.body as { answers?: OfferAnswer[] }).answers?.[0]
    if (answer?.answer === 'taken') taken.push(offer.attempt)
    // With one slot it may be busy for a moment more.
    else if (answer?.answer !== 'busy' || here.subject.hasEnded())
      refusal = answer ?? (said.body as string)
    return refusal !== undefined
  }, LONG_MS)
  const ended = await cameTrue(() => here.subject.hasEnded(), here.trial.patienceMs)
  return { taken, refusal: refusal ?? 'no such answer', ended }
})

/** What a slave that pulls says of itself once it has been told to stop: nothing is offered to it. */
function lastWords({ master, subject }: Session): OfferAnswer | string | undefined {
  const { mode, reason = '' } = master.latest() ?? {}
  if (mode === 'draining') return { attempt: '', answer: 'draining', reason }
  return subject.hasEnded() ? 'it ended' : undefined
}
