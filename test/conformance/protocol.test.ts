// slave/PROTOCOL.md says what shared/wire.ts and the conformance kit say.

import { readFileSync } from 'node:fs'
import t from 'tap'
import type { TSchema } from 'typebox'
import { createCheck } from '../../shared/validate.ts'
import * as wire from '../../shared/wire.ts'
import { RULES } from './rules.ts'

const page = readFileSync(new URL('../../slave/PROTOCOL.md', import.meta.url), 'utf8')

/** Messages that a slave must know: each has an example. */
const MESSAGES: Record<string, TSchema> = {
  Registration: wire.Registration,
  RegistrationReply: wire.RegistrationReply,
  AttemptsReply: wire.AttemptsReply,
  OffersRequest: wire.OffersRequest,
  Offer: wire.Offer,
  OffersReply: wire.OffersReply,
  CallbacksRequest: wire.CallbacksRequest,
  Callback: wire.Callback,
  CallbacksReply: wire.CallbacksReply,
  Heartbeat: wire.Heartbeat,
  HeartbeatReply: wire.HeartbeatReply,
  RevokeRequest: wire.RevokeRequest,
  RevokeReply: wire.RevokeReply,
  Availability: wire.Availability,
  PollReply: wire.PollReply,
}

t.test('every example is of its schema', async (t) => {
  const seen: string[] = []
  for (const [, name = '', text = ''] of page.matchAll(/^```json *(\w*)\n([\s\S]*?)^```$/gm)) {
    const value: unknown = JSON.parse(text)
    if (name === '') continue
    seen.push(name)
    t.same(createCheck(MESSAGES[name] as TSchema).mistakes(value), [], name)
  }
  t.same(
    Object.keys(MESSAGES).filter((name) => !seen.includes(name)),
    [],
  )
})

t.test('the rules are those of the kit, in its order and words', async (t) => {
  const rows = [...page.matchAll(/^\| (\d+) \| `([\w-]+)` \| (.+?) \|/gm)]
  t.same(
    rows.map(([, number, name, says]) => ({ number: Number(number), name, says })),
    RULES.map(({ name, says }, i) => ({ number: i + 1, name, says })),
  )
})

t.test('every answer and the failures of a slave are explained', async (t) => {
  const unexplained = wire.ANSWERS.filter((answer) => !page.includes(`| \`${answer}\` |`))
  t.same(unexplained, [])
  const explained = [...page.matchAll(/^\| `([\w-]+)` \| .+ \| .+ \|$/gm)].map(([, type]) => type)
  const ofTheMaster = ['poison', 'slave-lost', 'no-capable-slave', 'invalid-result']
  // What the expression kind says of its own input.
  const ofItsKind = ['rejected-expression']
  const others = [...ofTheMaster, ...ofItsKind]
  t.same(
    wire.FAILURES.filter((type) => !explained.includes(type) && !others.includes(type)),
    [],
  )
})
