// Outcomes on their way to the master, also over a kill of the slave.

import type { AttemptsReply, Callback } from '../../../../shared/protocol/wire.ts'
import { expect } from '../broken.ts'
import type { Way } from '../fake-master.ts'
import { cameTrue, failAWhile, pass } from '../patience.ts'
import type { Group } from '../rule.ts'
import { once } from '../rule.ts'
import type { Session } from '../session.ts'

const BRIEF_MS = 100
/** A slave that rests tries at most so often while the master fails. */
const TRIES_MAX = 12
const AFTERWARDS_MS = 700
/** A slave gives a request up after 5 s; a slow machine may make three times that of it. */
const GIVES_UP_MS = 15_000

export const callingBack: Group = {
  name: 'calling back',
  heartbeatMs: null,
  rules: [
    {
      name: 'repeats',
      says: 'sends its callback again until it is acknowledged, also when the reply is lost',
      async run(here) {
        const { master } = here
        const ways: Way[] = ['lose', 'ignore', 'fail']
        let tries = 0
        master.ways.callBack = () => ways[tries++] ?? 'answer'
        const offer = await here.take(BRIEF_MS)
        await here.until(
          'four tries: the reply lost, not acknowledged, refused with 503, acknowledged',
          () => master.callbacksOf(offer.attempt).length >= ways.length + 1,
          () => `${tries} tries`,
        )
        const outcomes = master.callbacksOf(offer.attempt).map(({ body }) => body.outcome)
        const same = new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size === 1
        expect(same, 'the same outcome each time', outcomes)
      },
    },
    {
      name: 'rests',
      says: 'pauses between its tries, longer each time, while the master fails or acknowledges nothing',
      async run(here) {
        const { master } = here
        for (const way of ['fail', 'ignore'] as const) {
          master.ways.callBack = () => way
          const offer = await here.take(BRIEF_MS)
          await here.callbackOf(offer)
          const { triesMax, words } = await failAWhile(TRIES_MAX)
          const tries = master.callbacksOf(offer.attempt).length
          expect(tries <= triesMax, words, `${tries}`)
          master.beUsual()
          await here.until('another try', () => master.callbacksOf(offer.attempt).length > tries)
          await here.until('it to be acknowledged', () => master.acknowledged.has(offer.attempt))
        }
      },
    },
    {
      name: 'acknowledged',
      says: 'never sends again what is acknowledged, and no longer lists it',
      async run(here) {
        const { attempt } = await here.take(BRIEF_MS)
        await here.until('a callback', () => here.master.callbacksOf(attempt).length > 0)
        const listed = async () => (await here.held()).includes(attempt)
        const gone = async () => !(await listed())
        await here.until(`attempt ${attempt} to be listed no more`, gone, () => 'it still is')
        const before = here.master.callbacksOf(attempt).length
        await pass(AFTERWARDS_MS)
        const again = here.master.callbacksOf(attempt).length - before
        expect(again === 0, 'no further callback of it', `${again} more`)
      },
    },
    {
      name: 'refused-outcome',
      says: 'turns an outcome that the master refuses (400) into a failure, and holds up no other',
      async run(here) {
        await refuse(here, 'reject')
      },
    },
    {
      name: 'refused-list',
      says: 'does the same when the master answers 413 or 422',
      async run(here) {
        for (const status of [413, 422] as const) {
          await refuse(here, status)
          await here.settle()
        }
      },
    },
    {
      name: 'generation-acknowledged',
      says: 'grows its generation also when an outcome is acknowledged, and so no longer listed',
      only: 'asked',
      async run(here) {
        const { master } = here
        master.ways.callBack = () => 'fail'
        const { attempt } = await here.take(BRIEF_MS)
        const listed = async () => (await here.held('ended')).includes(attempt)
        await here.until('the attempt to be listed as ended', listed)
        const before = (await here.slave.attempts()).state
        master.beUsual()
        await here.until('its outcome to be acknowledged', () => master.acknowledged.has(attempt))
        let after = before
        const grown = async (): Promise<boolean> => {
          after = (await here.slave.attempts()).state
          return after.generation > before.generation
        }
        await here.until(`a generation greater than ${before.generation}`, grown, () => after)
      },
    },
    {
      name: 'new-boot',
      says: 'has a new boot in every run of its process',
      async run(here) {
        const { registered, bootBefore, bootAfter } = await afterKill(here)
        expect(registered, 'it to register after kill -9 and restart', here.subject.stderr())
        expect(bootAfter !== bootBefore, `another boot than ${bootBefore}`, bootAfter)
      },
    },
    {
      name: 'kept-outbox',
      says: 'keeps unacknowledged outcomes over kill -9 and restart (those without a disk: --skip)',
      async run(here) {
        const { registered, attempt, after, delivered } = await afterKill(here)
        expect(registered, 'it to register after kill -9 and restart', here.subject.stderr())
        const listed = after?.attempts.find((each) => each.attempt === attempt)
        expect(listed?.status === 'ended', `attempt ${attempt} to be listed as ended`, after)
        expect(delivered, 'its outcome to be delivered', 'no callback')
      },
    },
  ],
}

/** One request is never answered: a slave that waits for it delivers nothing more. */
export const unanswered: Group = {
  name: 'unanswered',
  heartbeatMs: null,
  rules: [
    {
      name: 'gives-up',
      says: 'gives up a callback that is not answered within seconds, and sends it again',
      async run(here) {
        const { master } = here
        let tries = 0
        master.ways.callBack = () => (tries++ === 0 ? 'hang' : 'answer')
        const offer = await here.take(BRIEF_MS)
        const patienceMs = Math.max(here.trial.patienceMs, GIVES_UP_MS)
        const acknowledged = () => master.acknowledged.has(offer.attempt)
        await here.until('a second try', acknowledged, () => `${tries} tries`, patienceMs)
      },
    },
  ],
}

/** One of two outcomes is refused: the other must get through, and a failure come in its place. */
async function refuse(here: Session, way: Way): Promise<void> {
  const { master } = here
  const bad = here.work(BRIEF_MS)
  const good = here.work(BRIEF_MS)
  master.ways.callBack = ({ callbacks }) =>
    callbacks.some((each) => each.attempt === bad.attempt && each.outcome.status === 'done')
      ? way
      : 'answer'
  await here.offer([bad, good])
  if (here.slots > 1) {
    const acknowledged = () => master.acknowledged.has(good.attempt)
    await here.until('the other outcome to get through', acknowledged)
  }
  const failed = (): Callback | undefined =>
    master.callbacksOf(bad.attempt).find(({ body }) => body.outcome.status === 'failed')?.body
  const seen = () => master.callbacksOf(bad.attempt).at(-1)?.body ?? 'no callback'
  await here.until('a failure in its place', () => failed() !== undefined, seen)
}

/** An outcome is not acknowledged, the slave is killed and started anew. */
const afterKill = once(async (here: Session) => {
  const { master } = here
  master.ways.callBack = () => 'fail'
  const offer = await here.take(BRIEF_MS)
  // It has heard at least once that the master does not take it.
  await here.until('a callback that is repeated', () => {
    return master.callbacksOf(offer.attempt).length >= 2
  })
  const bootBefore = here.boot
  await here.subject.kill()
  const tries = master.callbacksOf(offer.attempt).length
  const registered = await here.start()
  const after: AttemptsReply | undefined = registered ? await here.slave.attempts() : undefined
  master.ways.callBack = () => 'answer'
  const delivered = await cameTrue(
    () => master.callbacksOf(offer.attempt).length > tries,
    here.trial.patienceMs,
  )
  return {
    registered,
    bootBefore,
    bootAfter: here.boot,
    attempt: offer.attempt,
    after,
    delivered,
  }
})
