// Inputs and results go through the agent as text, wherever they stand in a message.

import fc from 'fast-check'
import t from 'tap'
import { encode, Raw } from '../../../shared/data/raw-json.ts'
import type { CallbacksRequest, Offer } from '../../../shared/protocol/wire.ts'
import { callbacksText, offersAsWritten } from '../../../slave/link/raw-inputs.ts'

/** The inputs that the agent takes from a message, as text. */
function inputsIn(text: string): unknown[] {
  const said = JSON.parse(text) as { offers: Offer[]; boot?: string }
  return offersAsWritten(said, Buffer.from(text)).offers.map(({ input }) =>
    input instanceof Raw ? input.text : input,
  )
}

/** An offer as a master writes it; `more` is what stands behind its input. */
const offer = (attempt: string, input: string, more = '') =>
  `{"attempt":${JSON.stringify(attempt)},"task":"t","kind":"k","runLimitMs":5,"input":${input}${more}}`
const message = (offers: string[]) => `{"boot":"b","offers":[${offers.join(',')}]}`

t.test('takes inputs as they were written, whatever they are', async (t) => {
  const inputs = [
    '1.0',
    '-0',
    'null',
    '"}]\\\\"',
    '"\\""',
    '[{"a":"]"},[]]',
    '{}',
    '{"a": {"b":[1e5]}}',
  ]
  t.same(inputsIn(message(inputs.map((input) => offer('a', input)))), inputs)
  const more = ',"job":"j","files":[{"name":"}","url":"]"}]'
  t.same(inputsIn(message(inputs.map((input) => offer('a', input, more)))), inputs)
})

t.test(
  'takes the same inputs when another master orders or spaces the fields differently',
  async (t) => {
    const input = '{"x":[1.10,"}"]}'
    const offers = [
      `{"input":${input},"attempt":"a","task":"t","kind":"k","runLimitMs":5}`,
      `{"attempt":"a","task":"t","kind":"k","runLimitMs":5,"input": ${input}}`,
      `{ "attempt":"a","task":"t","kind":"k","runLimitMs":5,"input":${input} }`,
      offer('a', `${input} `, ' '),
      offer('"\\', input),
    ]
    for (const each of offers) {
      t.same(inputsIn(message([each, offer('b', '2.0')])), [input, '2.0'], each)
      t.same(
        inputsIn(`{"offers":[${each} , ${offer('b', '2.0')}],"boot":"b"}`),
        [input, '2.0'],
        each,
      )
    }
  },
)

t.test('takes any input that JSON can hold', async (t) => {
  const offers = fc.array(fc.tuple(fc.string(), fc.jsonValue()), { minLength: 1 })
  fc.assert(
    fc.property(offers, (each) => {
      const inputs = each.map(([, input]) => JSON.stringify(input))
      const text = message(each.map(([attempt], i) => offer(attempt, inputs[i] ?? '')))
      t.strictSame(inputsIn(text), inputs)
    }),
    { numRuns: 50 },
  )
})

t.test('writes callbacks as the encoder does', async (t) => {
  const state = { slave: 's', generation: 1, reason: '"' } as unknown as CallbacksRequest['state']
  const done = { status: 'done', result: new Raw('1.0') } as const
  const outcomes = [
    done,
    { ...done, resultType: 'a "type"', resultText: '1\n' },
    { ...done, result: { a: [1] }, files: [{ name: 'f', bytes: 1 }] },
    { status: 'done', result: 5, resultText: '5' },
    { status: 'failed', type: 'evaluation', message: '"' },
  ] as const
  const callbacks = outcomes.flatMap((outcome) => [
    { attempt: '"a', task: 't', outcome, ranMs: 0.25 },
    { attempt: 'a', task: 't', outcome, ranMs: 1e-7, traceparent: '00' },
  ]) as unknown as CallbacksRequest['callbacks']
  t.equal(callbacksText({ state, callbacks }), encode({ state, callbacks }))
})
