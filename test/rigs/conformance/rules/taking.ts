// What a slave says of itself, and how it takes offers.

import type { Offer } from '../../../../shared/protocol/wire.ts'
import { Broken, expect } from '../broken.ts'
import type { Group } from '../rule.ts'
import type { Session } from '../session.ts'

const BRIEF_MS = 100

export const taking: Group = {
  name: 'taking',
  heartbeatMs: null,
  rules: [
    {
      name: 'card',
      says: 'answers GET /attempts with the card that it registered with',
      only: 'asked',
      async run({ slave, registration }) {
        const { card, state } = await slave.attempts()
        const same = (['name', 'boot', 'version', 'slots'] as const).every(
          (field) => card[field] === registration[field],
        )
        expect(same, `the card as registered, ${JSON.stringify(registration)}`, card)
        const kinds = card.kinds.toSorted().join() === registration.kinds.toSorted().join()
        expect(kinds, `the kinds ${registration.kinds.join()}`, card.kinds.join())
        const { slave: name, boot, slots } = state
        const agrees = name === card.name && boot === card.boot && slots === card.slots
        expect(agrees, 'a state of the same name, boot and slots', state)
      },
    },
    {
      name: 'availability',
      says: 'tells anybody whether it is available, and changes nothing by it',
      only: 'asked',
      async run(here) {
        const idle = await here.slave.availability()
        expect(idle.available, 'a slave with free slots to be available', idle)
        await here.fill()
        const before = (await here.slave.attempts()).state
        const full = await here.slave.availability()
        expect(!full.available, 'a slave without a free slot not to be available', full)
        expect(full.reason !== '', 'a reason, in words', full)
        const after = (await here.slave.attempts()).state
        const same = JSON.stringify(before) === JSON.stringify(after)
        expect(same, `the same state as before, ${JSON.stringify(before)}`, after)
      },
    },
    {
      name: 'callback',
      says: 'runs what it has taken, and sends a callback with the outcome, its attempt and its task',
      async run(here) {
        const offer = await here.take(BRIEF_MS)
        const { task, outcome } = await here.callbackOf(offer)
        expect(task === offer.task, `task ${offer.task}`, task)
        expect(outcome.status === 'done', 'the result', outcome)
      },
    },
    {
      name: 'generation',
      says: 'grows its generation with every change of what it has; slots are free or in use',
      async run(here) {
        const before = (await here.slave.attempts()).state
        expect(before.free === before.slots, 'every slot to be free', before)
        const { attempt } = await here.take()
        const taken = (await here.slave.attempts()).state
        expect(taken.free === taken.slots - 1, `${taken.slots - 1} free slots`, taken)
        const revoked = (await here.slave.revoke([attempt])).state
        await here.callbackOf(await here.take(BRIEF_MS))
        await here.until('every slot to be free again', async () => {
          return (await here.slave.attempts()).state.free === here.slots
        })
        const ended = (await here.slave.attempts()).state
        const seen = [before, taken, revoked, ended].map(({ generation }) => generation)
        const grown = seen.every((each, i) => i === 0 || each > (seen[i - 1] as number))
        expect(grown, 'generations that are each greater than the one before', seen)
      },
    },
    {
      name: 'same-answer',
      says: 'gives the same answer when the same attempt is offered again, and runs it once',
      run: (here) => (here.trial.pull ? handsAgain(here) : offersAgain(here)),
    },
    {
      name: 'slots',
      says: 'takes as many as it has slots, however they come, and is `busy` for the rest',
      async run(here) {
        const offers = Array.from({ length: here.slots + 3 }, () => here.work())
        if (here.trial.pull) return handsTooMany(here, offers)
        const lists = [offers.slice(0, 2), ...offers.slice(2).map((offer) => [offer])]
        const answers = (await Promise.all(lists.map(here.offer))).flat()
        const taken = answers.filter(({ answer }) => answer === 'taken').length
        expect(taken === here.slots, `${here.slots} taken`, answers)
        const others = answers.filter(({ answer }) => answer !== 'taken')
        const inWords = others.every(({ answer, reason }) => answer === 'busy' && reason !== '')
        expect(inWords, 'the others to hear `busy`, with a reason', others)
        const { state } = await here.slave.attempts()
        expect(state.free === 0, 'no free slot', state)
      },
    },
    {
      name: 'notice',
      says: 'sends a heartbeat at once when it has a free slot again, if it refused an offer before',
      only: 'asked',
      async run(here) {
        const { heartbeats } = here.master
        await here.overfill()
        const attempts = await here.working()
        await here.slave.revoke(attempts)
        await here.until('a heartbeat with a free slot, long before the next is due', () =>
          heartbeats.some(({ body }) => body.state.free > 0),
        )
      },
    },
  ],
}

async function offersAgain(here: Session): Promise<void> {
  const say = async (offer: Offer, when: string, wanted: string): Promise<void> => {
    const [answer] = await here.offer([offer])
    expect(answer?.answer === wanted, `\`${wanted}\` when offered again ${when}`, answer)
  }
  const long = here.work()
  const moment = 'in the same moment'
  await Promise.all([say(long, moment, 'taken'), say(long, moment, 'taken')])
  await say(long, 'while it runs', 'taken')
  const { state } = await here.slave.attempts()
  expect(state.free === here.slots - 1, 'one slot in use', state)

  const { offers, answers } = await here.overfill()
  const refused = offers[answers.findIndex(({ answer }) => answer !== 'taken')] as Offer
  const attempts = await here.working()
  await here.slave.revoke(attempts)
  await say(refused, 'although there is room now', 'busy')

  const brief = await here.take(BRIEF_MS)
  await here.callbackOf(brief)
  await here.until('every slot to be free', async () => {
    return (await here.slave.attempts()).state.free === here.slots
  })
  await say(brief, 'after it has ended', 'taken')
  // A second run of it would end before this.
  await here.callbackOf(await here.take(5 * BRIEF_MS))
  const runs = new Set(here.master.callbacksOf(brief.attempt).map(({ body }) => body.ranMs))
  if (runs.size !== 1) throw new Broken('one run', `${runs.size} runs`)
}

/** The same attempt in the answers to two polls, while it runs and after it has ended. */
async function handsAgain(here: Session): Promise<void> {
  const long = await here.take()
  await here.slave.hand({ offers: [long] })
  const { state } = await here.slave.attempts()
  expect(state.free === here.slots - 1, 'one slot in use', state)
  await here.settle()
  const brief = await here.take(BRIEF_MS)
  await here.callbackOf(brief)
  await here.slave.hand({ offers: [brief] })
  await here.callbackOf(await here.take(5 * BRIEF_MS))
  const runs = new Set(here.master.callbacksOf(brief.attempt).map(({ body }) => body.ranMs))
  if (runs.size !== 1) throw new Broken('one run', `${runs.size} runs`)
}

async function handsTooMany(here: Session, offers: Offer[]): Promise<void> {
  await here.slave.hand({ offers })
  const { state, attempts } = await here.slave.attempts()
  expect(attempts.length === here.slots, `${here.slots} taken`, attempts)
  expect(state.free === 0, 'no free slot', state)
}
