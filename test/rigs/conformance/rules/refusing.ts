// Offers that a slave must refuse, or may not choke on, and limits.

import { Broken, expect } from '../broken.ts'
import type { Group } from '../rule.ts'
import type { Session } from '../session.ts'

const BRIEF_MS = 100
/** With a limit of less; a slave that does not know limits gives the result. */
const WORK_MS = 3000
const LIMIT_MS = 400
/** Half of the answers come within this, in one of six rounds: other programs come and go. */
const ANSWER_MS_MAX = 100
const ASKED = 15
const ROUNDS = 6

export const refusing: Group = {
  name: 'refusing',
  heartbeatMs: null,
  rules: [
    {
      name: 'unable',
      says: 'answers `unable`, with a reason, to a kind that it does not offer',
      only: 'asked',
      async run(here) {
        const offer = here.work(BRIEF_MS, { kind: 'no-such-kind' })
        const [answer] = await here.offer([offer])
        const inWords = answer?.answer === 'unable' && answer.reason !== ''
        expect(inWords, '`unable`, with a reason', answer)
      },
    },
    {
      name: 'another-boot',
      says: 'takes nothing that is meant for another boot, that is for an earlier run of it',
      only: 'asked',
      async run(here) {
        const offer = here.work(BRIEF_MS)
        const { answers } = await here.slave.offer([offer], 'another-boot')
        const refused = answers.length === 1 && answers[0]?.answer !== 'taken'
        expect(refused, 'a refusal', answers)
        const held = await here.working()
        expect(held.length === 0, 'nothing to be taken', held)
        const [again] = await here.offer([offer])
        expect(again?.answer === 'taken', 'the refusal not to be remembered', again)
        await here.callbackOf(offer)
      },
    },
    {
      name: 'unknown-fields',
      says: 'ignores fields that it does not know, so that master and slave may differ in version',
      async run(here) {
        const offer = { ...here.work(BRIEF_MS), colour: 'red', deeper: { still: [1] } }
        const body = JSON.stringify({ boot: here.boot, offers: [offer], weather: 'fair' })
        const said = await here.slave.raw('POST', '/offers', body)
        const { answers } = said.body as { answers?: { answer: string }[] }
        expect(answers?.[0]?.answer === 'taken', 'the offer to be taken', said)
        await here.callbackOf(offer)
      },
    },
    {
      name: 'malformed',
      says: 'answers a malformed request with a 4xx, and takes no part of it',
      only: 'asked',
      run: sendMalformed,
    },
    {
      name: 'rejected-input',
      says: 'fails a task whose input the kind does not take: `rejected-input`, in words',
      async run(here) {
        const input = JSON.parse(here.trial.badInput) as unknown
        const { outcome } = await here.callbackOf(await here.take(BRIEF_MS, { input }))
        const typed = outcome.status === 'failed' && outcome.type === 'rejected-input'
        expect(typed, 'the failure `rejected-input`', outcome)
        expect(/\w \w/.test(outcome.message), 'a message in words', outcome.message)
      },
    },
    {
      name: 'quick-answers',
      says: `answers within ${ANSWER_MS_MAX} ms, also while all its slots work`,
      only: 'asked',
      async run(here) {
        await here.fill()
        const medians: string[] = []
        for (let round = 0; round < ROUNDS; round++) {
          const ms = await medianAnswer(here)
          if (ms < ANSWER_MS_MAX) return
          medians.push(`${Math.round(ms)} ms`)
        }
        throw new Broken(`answers within ${ANSWER_MS_MAX} ms`, `medians of ${medians.join(', ')}`)
      },
    },
    {
      name: 'time-limit',
      says: 'kills what runs longer than its limit, and delivers the failure `time-limit`',
      async run(here) {
        const offer = await here.take(WORK_MS, { runLimitMs: LIMIT_MS })
        const { outcome } = await here.callbackOf(offer)
        const typed = outcome.status === 'failed' && outcome.type === 'time-limit'
        expect(typed, 'the failure `time-limit`', outcome)
        expect(/\w \w/.test(outcome.message), 'a message in words', outcome.message)
      },
    },
  ],
}

async function medianAnswer(here: Session): Promise<number> {
  const times: number[] = []
  while (times.length < ASKED) {
    const before = performance.now()
    await here.offer([here.work(BRIEF_MS, { kind: 'no-such-kind' })])
    times.push(performance.now() - before)
  }
  return times.toSorted((a, b) => a - b)[Math.floor(ASKED / 2)] as number
}

async function sendMalformed(here: Session): Promise<void> {
  const before = (await here.slave.attempts()).state
  const good = (): Record<string, unknown> => here.work()
  const without = (field: string) => {
    const offer = good()
    delete offer[field]
    return offer
  }
  const bodies: [what: string, path: string, body: string][] = [
    ['what is not JSON', '/offers', '{"offers": ['],
    ['a body that is no object', '/offers', '[]'],
    ['no offers', '/offers', '{}'],
    ['an empty list', '/offers', '{"offers": []}'],
    ['offers that are no list', '/offers', JSON.stringify({ offers: good() })],
    ['an offer that is no object', '/offers', '{"offers": [7]}'],
    ...['attempt', 'task', 'kind', 'input', 'runLimitMs'].map((field): [string, string, string] => [
      `an offer without ${field}, after a good one`,
      '/offers',
      JSON.stringify({ offers: [good(), without(field)] }),
    ]),
    ['a number for attempt', '/offers', JSON.stringify({ offers: [{ ...good(), attempt: 1 }] })],
    ['no time to run', '/offers', JSON.stringify({ offers: [{ ...good(), runLimitMs: 0 }] })],
    ['nothing to revoke', '/attempts/revoke', '{"attempts": []}'],
    ['a revoke of what is no id', '/attempts/revoke', '{"attempts": [null]}'],
  ]
  for (const [what, path, body] of bodies) {
    const { status } = await here.slave.raw('POST', path, body)
    expect(status >= 400 && status < 500, `a 4xx for ${what}`, status)
  }
  const held = await here.working()
  expect(held.length === 0, 'nothing to be taken', held)
  const { state } = await here.slave.attempts()
  expect(state.free === before.free, 'every slot to be free', state)
}
