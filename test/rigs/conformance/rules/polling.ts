// Slaves that cannot be reached, and poll.

import { expect } from '../broken.ts'
import { failAWhile } from '../patience.ts'
import type { Group } from '../rule.ts'

const LOOKED_AT = 3
const TRIES_MAX = 20

export const polling: Group = {
  name: 'polling',
  heartbeatMs: 'paced',
  rules: [
    {
      name: 'polls',
      only: 'pull',
      says: 'polls again and again, one at a time, each with a larger number, and says which are over',
      async run({ master, until }) {
        const first = master.polls.length
        const before = master.count.pollsAtOnce
        const seen = () => master.polls.slice(first, first + LOOKED_AT).map(({ body }) => body)
        const polled = (): boolean => {
          // However long it asks to be held, the next poll comes at once.
          master.answerPoll(null)
          return seen().length === LOOKED_AT
        }
        await until('poll after poll', polled, seen)
        const grown = seen().every(
          ({ polled }, i) => i === 0 || polled >= (seen()[i - 1]?.generation ?? 0),
        )
        expect(grown, '`polled` to name the poll before, which is over', seen())
        const rising = seen().every(
          ({ generation }, i) => i === 0 || generation > (seen()[i - 1]?.generation ?? 0),
        )
        expect(rising, 'generations that are each greater than the one before', seen())
        const more = master.count.pollsAtOnce - before
        expect(more === 0, 'no poll while one is open', `${more}`)
      },
    },
    {
      name: 'polls-numbers',
      only: 'pull',
      says: 'gives every poll a larger number than the one before, also after a poll that failed',
      async run(here) {
        const { master } = here
        const ways = ['fail', 'lose', 'fail'] as const
        const first = master.polls.length
        let tries = 0
        master.ways.poll = () => ways[tries++] ?? 'answer'
        const numbers = () => master.polls.slice(first).map(({ body }) => body.generation)
        await here.until('four polls, of which three fail', () => tries > ways.length, numbers)
        const grown = numbers().every((each, i, all) => i === 0 || each > (all[i - 1] as number))
        expect(grown, 'numbers that are each greater than the one before', numbers())
        master.beUsual()
        await here.take()
      },
    },
    {
      name: 'polls-rests',
      only: 'pull',
      says: 'polls again when a poll has no answer or a bad one, and rests longer each time',
      async run(here) {
        const { master } = here
        let tries = 0
        master.ways.poll = () => (tries++ === 0 ? 'lose' : 'fail')
        await here.until('another poll', () => tries >= 2)
        const { triesMax, words } = await failAWhile(TRIES_MAX)
        expect(tries <= triesMax, words, `${tries}`)
        master.beUsual()
        await here.take()
      },
    },
    {
      name: 'polled-unknown',
      only: 'pull',
      says: 'registers again, and keeps what it has, when a poll is answered 404 `no-such-slave`',
      async run(here) {
        const { master } = here
        const { attempt } = await here.take()
        const before = master.registrations.length
        let told = false
        master.ways.poll = () => {
          const way = told ? 'answer' : 'reject'
          told = true
          return way
        }
        await here.until('it to register', () => master.registrations.length > before)
        const held = await here.held()
        expect(held.includes(attempt), `it to have attempt ${attempt} still`, held)
        await here.slave.hand({})
      },
    },
  ],
}
