// The reply to each task of a batch is written as text, as acceptedJson gives it.

import t from 'tap'
import { acceptedJson, acceptedText } from '../../../master/views/task-json.ts'
import { wallTime } from '../../../shared/data/clock.ts'

type Reply = Parameters<typeof acceptedText>[0]

t.test('the text of a reply is that of its JSON, usual or not', async (t) => {
  const at = wallTime(1)
  const taken = { at, event: 'taken', slave: 'slave-1', ms: 0.123456 } as const
  const busy = { at, event: 'busy', slave: 'slave-0', reason: 'running 1 of 1', ms: 2 } as const
  const reply: Reply = {
    id: '01934abc-1234-7123-8123-0123456789ab',
    kind: 'expression',
    status: 'in progress',
    slave: 'slave-1',
    outcome: null,
    trail: [taken],
    repeated: false,
  }
  const replies: Reply[] = [
    reply,
    { ...reply, trail: [{ at, event: 'taken', slave: 'slave-1' }] },
    { ...reply, trail: [{ ...taken, knownMs: 3.7 }] },
    { ...reply, trail: [{ ...taken, reason: 'odd' }] },
    { ...reply, trail: [busy, taken] },
    { ...reply, slave: 'a "b" \\ é', trail: [{ ...taken, slave: 'a "b" \\ é' }] },
    { ...reply, trail: [{ ...taken, slave: 'another' }] },
    { ...reply, status: 'pending', slave: null, trail: [] },
    { ...reply, status: 'pending', slave: null, trail: [taken] },
  ]
  for (const each of replies) {
    t.equal(`{${acceptedText(each)}}`, JSON.stringify(acceptedJson(each)))
  }
})
