// Attempts that a master revokes.

import { randomUUID } from 'node:crypto'
import type { Offer } from '../../../../shared/protocol/wire.ts'
import { expect } from '../broken.ts'
import type { Group } from '../rule.ts'
import type { Session } from '../session.ts'

const BRIEF_MS = 100
const WORK_MS = 1500

export const revoking: Group = {
  name: 'revoking',
  heartbeatMs: null,
  rules: [
    {
      name: 'revoke',
      says: 'frees the slot of a revoked attempt at once, kills the work, and forgets it',
      async run(here) {
        await expectKilled(here, WORK_MS, async (attempt) => {
          const { state } = await here.slave.revoke([attempt])
          expect(state.free === here.slots, 'the slot to be free in the reply', state)
          const held = await here.held()
          expect(!held.includes(attempt), `attempt ${attempt} not to be listed`, held)
        })
      },
    },
    {
      name: 'revoke-first',
      says: 'answers `revoked` to an attempt that was revoked before it was offered, or after it was taken',
      async run(here) {
        const offer = here.work()
        if (here.trial.pull) return handRevoked(here, offer)
        await here.slave.raw('POST', '/attempts/revoke', attemptsOf(offer.attempt))
        const [answer] = await here.offer([offer])
        expect(answer?.answer === 'revoked', '`revoked`', answer)
        const taken = await here.take(8 * WORK_MS)
        await here.slave.raw('POST', '/attempts/revoke', attemptsOf(taken.attempt))
        const [again] = await here.offer([taken])
        expect(again?.answer === 'revoked', '`revoked` again, of one that it had taken', again)
      },
    },
    {
      name: 'revoke-ended',
      says: 'keeps the outcome of an attempt that had ended before it was revoked, until it is acknowledged',
      async run(here) {
        const { master } = here
        master.ways.callBack = () => 'fail'
        const offer = await here.take(BRIEF_MS)
        await here.callbackOf(offer)
        if (here.trial.pull) await here.slave.hand({ revoke: [offer.attempt] })
        else await here.slave.raw('POST', '/attempts/revoke', attemptsOf(offer.attempt))
        const held = await here.held('ended')
        expect(held.includes(offer.attempt), `attempt ${offer.attempt} to be listed as ended`, held)
        master.beUsual()
        const delivered = () => master.acknowledged.has(offer.attempt)
        await here.until('its outcome to be delivered', delivered, () => 'no callback')
        const outcome = master.callbacksOf(offer.attempt).at(-1)?.body.outcome
        expect(outcome?.status === 'done', 'the result', outcome)
      },
    },
    {
      name: 'revoke-unknown',
      says: 'takes a revoke of what it never had as it comes: 200, and nothing changes',
      async run(here) {
        const { attempt } = await here.take()
        const before = (await here.slave.attempts()).state
        const { state } = await here.slave.revoke([randomUUID(), randomUUID()])
        expect(state.free === before.free, `${before.free} free slots`, state)
        const held = await here.working()
        expect(held.length === 1 && held[0] === attempt, 'the attempt that it had', held)
      },
    },
  ],
}

async function handRevoked(here: Session, offer: Offer): Promise<void> {
  await here.slave.hand({ revoke: [offer.attempt] })
  await here.slave.hand({ offers: [offer] })
  const held = await here.held()
  expect(!held.includes(offer.attempt), 'what was revoked not to be taken', held)
}

/**
 * Revokes work that would end by itself after `ms`, and looks whether it does: no result of it may
 * come until later work has ended.
 */
export async function expectKilled(
  here: Session,
  ms: number,
  revoke: (attempt: string) => Promise<void>,
): Promise<void> {
  const { attempt } = await here.take(ms)
  // On a busy machine the work may have been done before it was revoked: then with longer work.
  const wasDone = async (): Promise<boolean> =>
    here.master.callbacksOf(attempt).some(({ body }) => body.outcome.status === 'done') ||
    (await here.held('ended')).includes(attempt)
  const trouble = await revoke(attempt).catch((error: Error) => error)
  if (ms <= 8 * WORK_MS && (await wasDone())) {
    await here.settle()
    return expectKilled(here, 2 * ms, revoke)
  }
  if (trouble) throw trouble
  await here.callbackOf(await here.take(ms + 300))
  const done = here.master.callbacksOf(attempt).map(({ body }) => body.outcome)
  expect(!done.some(({ status }) => status === 'done'), 'the work to be killed', done)
}

const attemptsOf = (attempt: string): string => JSON.stringify({ attempts: [attempt] })
