// How a master speaks to a slave that it cannot reach: offers and revokes are answers to its polls,
// and what it has is in its heartbeats. What it has no room for is not handed over, but `busy`.

import type {
  HeldAttempt,
  Offer,
  OfferAnswer,
  Registration,
  SlaveState,
} from '../../../shared/protocol/wire.ts'
import { Broken } from './broken.ts'
import type { FakeMaster } from './fake-master.ts'
import { cameTrue } from './patience.ts'
import type { RawAnswer, Talk } from './talk.ts'

const BUSY = { answer: 'busy', reason: 'no slot is free' } as const
const TAKEN = { answer: 'taken', reason: '' } as const

export function createPullTalk(
  master: FakeMaster,
  registration: Registration,
  patienceMs: number,
): Talk {
  const { boot } = registration
  const isIts = (said: { boot: string }): boolean => said.boot === boot
  const latest = () => [master.latest()].find((said) => said?.boot === boot)

  async function hand(answer: { offers?: object[]; revoke?: string[] }): Promise<void> {
    const polls = (): boolean => master.openPoll()?.boot === boot
    if (!(await cameTrue(polls, patienceMs))) throw new Broken('a poll', 'none is open')
    const number = master.openPoll()?.generation ?? 0
    master.answerPoll({ offers: [], revoke: [], ...answer } as Parameters<
      typeof master.answerPoll
    >[0])
    const isOver = (): boolean =>
      master.polls.some(({ body }) => isIts(body) && body.generation > number)
    const expected = 'another poll, with a larger number, after one that was answered'
    if (!(await cameTrue(isOver, patienceMs))) throw new Broken(expected, master.polls.at(-1)?.body)
  }

  /** By a heartbeat that is not older than anything that it has said. */
  async function attempts(): Promise<{ state: SlaveState; attempts: HeldAttempt[] }> {
    const from = master.heartbeats.length
    const least = latest()?.generation ?? 0
    const found = () =>
      master.heartbeats
        .slice(from)
        .find(({ body: { state } }) => isIts(state) && state.generation >= least)
    const came = await cameTrue(() => found() !== undefined, patienceMs)
    if (!came) throw new Broken('a heartbeat', master.misfits[0] ?? 'none came')
    return found()!.body
  }

  async function offer(offers: Offer[], _boot: string, more: object = {}) {
    await cameTrue(() => latest() !== undefined, patienceMs)
    const { mode, free = 0 } = latest() ?? {}
    const room = mode === 'draining' ? 0 : free
    const handed = offers.slice(0, room)
    if (handed.length > 0) await hand({ ...more, offers: handed })
    const answers = offers.map(({ attempt }, i): OfferAnswer => {
      return { attempt, ...(i < room ? TAKEN : BUSY) }
    })
    return { state: { slots: registration.slots, ...latest() } as SlaveState, answers }
  }

  async function revoke(revoked: string[]) {
    await hand({ revoke: revoked })
    return { state: (await attempts()).state }
  }

  return {
    offer,
    attempts: async () => ({ card: registration, ...(await attempts()) }),
    availability: () => Promise.reject(new Error('this slave is not asked')),
    revoke,
    hand,
    async raw(method, path, body = '{}'): Promise<RawAnswer> {
      const { offers = [], attempts: revoked = [], boot: _, ...more } = JSON.parse(body)
      const said: Record<string, () => Promise<unknown>> = {
        'GET /attempts': attempts,
        'POST /offers': () => offer(offers, boot, more),
        'POST /attempts/revoke': () => revoke(revoked),
      }
      try {
        return { status: 200, body: await said[`${method} ${path}`]?.() }
      } catch (error) {
        return { status: 0, body: (error as Error).message }
      }
    },
    close: () => Promise.resolve(),
  }
}
