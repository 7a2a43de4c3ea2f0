// Inputs of offers and results of runs as they were written: the agent passes both on unread.

import { Raw, scan, textOf } from '../../shared/data/raw-json.ts'
import type { Callback, Offer, Outcome } from '../../shared/protocol/wire.ts'

/** Levels of a list of offers: the body, its list, the offers. */
const OFFER_LEVELS = 3

/** Replaces the inputs of a message with offers by their text. */
export function offersAsWritten<T extends { offers: Offer[] }>(said: T, bytes: Buffer): T {
  const spans = scan(bytes, OFFER_LEVELS).members?.get('offers')?.items ?? []
  for (const [i, offer] of said.offers.entries()) {
    const span = spans[i]?.members?.get('input')
    if (span) offer.input = new Raw(textOf(bytes, span))
  }
  return said
}

/** A callback from its text. */
export function readCallback(text: string): Callback {
  const callback = JSON.parse(text) as Callback
  const bytes = Buffer.from(text)
  const span = scan(bytes, 2).members?.get('outcome')?.members?.get('result')
  keepWritten(callback.outcome, bytes, span)
  return callback
}

/** Replaces the result of an outcome by its text, which is in this span. */
export function keepWritten(
  outcome: Outcome,
  bytes: Buffer,
  span: { start: number; end: number } | undefined,
): void {
  if (outcome.status === 'done' && span) outcome.result = new Raw(textOf(bytes, span))
}
