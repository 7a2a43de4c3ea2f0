import t from 'tap'
import {
  handedOn,
  readTrace,
  spanIdOf,
  traceFields,
  traceIdOf,
  traceOf,
} from '../../../shared/protocol/trace.ts'

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const ID = '01990000-1111-7222-8333-444444444444'

t.test('keeps a traceparent that can be read, and its tracestate', async (t) => {
  t.equal(readTrace({ traceparent: PARENT }), PARENT)
  t.equal(readTrace({ traceparent: PARENT, tracestate: 'a=1,b=2' }), `${PARENT} a=1,b=2`)
  t.equal(readTrace({ traceparent: `cc${PARENT.slice(2)}-more` }), PARENT, 'of a later version')
  t.equal(readTrace({ traceparent: PARENT, tracestate: 'x'.repeat(513) }), PARENT)
})

t.test('takes no notice of what is no traceparent', async (t) => {
  const wrong = [
    PARENT.toUpperCase(),
    PARENT.slice(0, -1),
    `${PARENT}-more`,
    `ff${PARENT.slice(2)}`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
    `${PARENT}, ${PARENT}`,
    '',
  ]
  for (const traceparent of wrong) t.equal(readTrace({ traceparent }), null, traceparent)
  t.equal(readTrace({}), null)
})

t.test('is the id of the task where nothing was said', async (t) => {
  t.same(traceOf(ID, null), {
    traceId: '01990000111172228333444444444444',
    parentId: null,
    sampled: true,
    state: null,
  })
  t.equal(traceIdOf(ID, null), ID.replaceAll('-', ''))
  t.equal(traceIdOf(ID, PARENT), '4bf92f3577b34da6a3ce929d0e0e4736')
})

t.test('hands on the trace with the task as the parent', async (t) => {
  const handed = handedOn(ID, `${PARENT} a=1`)
  t.equal(handed, `00-4bf92f3577b34da6a3ce929d0e0e4736-${spanIdOf(ID)}-01 a=1`)
  t.equal(readTrace(traceFields(handed)), handed, 'which can be read again')
  t.same(traceOf(ID, `${PARENT.slice(0, -1)}0`).sampled, false)
})
