// Inputs of offers and results of runs as they were written: the agent passes both on unread.

import { itemTexts } from '../../shared/data/item-texts.ts'
import { textOf } from '../../shared/data/json-bytes.ts'
import { encode, Raw, scan } from '../../shared/data/raw-json.ts'
import type { Callback, CallbacksRequest, Offer, Outcome } from '../../shared/protocol/wire.ts'

const INPUT = ['input']

/** Replaces the inputs of a message with offers by their text. */
export function offersAsWritten<T extends { offers: Offer[] }>(said: T, bytes: Buffer): T {
  const inputs = itemTexts(bytes, 'offers', INPUT)
  said.offers.forEach((offer, i) => {
    const text = inputs[i]
    if (text !== undefined) offer.input = new Raw(text)
  })
  return said
}

/** A callback from its text. */
export function readCallback(text: string): Callback {
  const callback = JSON.parse(text) as Callback
  const bytes = Buffer.from(text)
  const span = scan(bytes, 2).members?.get('outcome')?.members?.get('result')
  const { outcome } = callback
  if (outcome.status === 'done' && span) outcome.result = new Raw(textOf(bytes, span))
  return callback
}

/** A request with callbacks as JSON: what `encode` gives, in two thirds of its time. */
export const callbacksText = ({ state, callbacks }: CallbacksRequest): string =>
  `{"state":${JSON.stringify(state)},"callbacks":[${callbacks.map(callbackText).join(',')}]}`

function callbackText({ attempt, task, outcome, ranMs, traceparent }: Callback): string {
  const ids = `"attempt":${JSON.stringify(attempt)},"task":${JSON.stringify(task)}`
  const trace = traceparent === undefined ? '' : `,"traceparent":${JSON.stringify(traceparent)}`
  return `{${ids},"outcome":${outcomeText(outcome)},"ranMs":${ranMs}${trace}}`
}

function outcomeText(outcome: Outcome): string {
  if (outcome.status !== 'done' || outcome.files !== undefined) return encode(outcome)
  const { result, resultType, resultText } = outcome
  const type = resultType === undefined ? '' : `,"resultType":${JSON.stringify(resultType)}`
  const text = resultText === undefined ? '' : `,"resultText":${JSON.stringify(resultText)}`
  return `{"status":"done","result":${encode(result)}${type}${text}}`
}
