// A channel brings offers and revocations to one slave: by requests to it (push-channel.ts), or in
// the replies to its polls (poll-channel.ts). The core gets the result of each offer exactly once,
// as an input.

import type { PeerError } from '../../shared/http/peer.ts'
import { traceFields } from '../../shared/protocol/trace.ts'
import type { Unanswered } from '../core/messages.ts'
import type { PollId, Route } from '../core/reach.ts'

export type Channel = {
  /** One more offer is prepared. What is sent before the offer is ready may wait for it. */
  expect(): void
  /** The offer that was expected; null when there is none after all. */
  offer(offer: OutgoingOffer | null): void
  /** Attempts that the slave is to drop and never to accept. */
  revoke(attempts: string[]): void
}

/** An offer whose input, and what it carries besides, are JSON text already. */
export type OutgoingOffer = {
  /** Boot id of the intended slave process. */
  boot: string
  attempt: string
  task: string
  kind: string
  runLimitMs: number
  input: string
  work: string | null
  /** As a client said it, with the task as the parent (shared/protocol/trace.ts). */
  trace: string | null
}

/** The channels of one sort; `at` is a URL or a poll. */
type Channels<At> = { to(slave: string, at: At): Channel }

/** Gives the channel to a slave, by the route that the core names. */
export const channelsOf =
  (push: Channels<string>, polls: Channels<PollId>) =>
  (slave: string, route: Route): Channel =>
    route.by === 'http' ? push.to(slave, route.url) : polls.to(slave, route.poll)

/** With these statuses the slave is alive and rejects the whole list as malformed or too large. */
const ACCEPTS_NONE = [400, 413]

/** What the core hears of offers when the request that carried them had no usable answer. */
export function howUnanswered({ delivered, status }: PeerError): Unanswered {
  if (status !== null && ACCEPTS_NONE.includes(status)) return 'declined'
  // A refusal of the request as a whole (4xx) accepted nothing.
  const isRefused = status !== null && status >= 400 && status < 500
  return delivered && !isRefused ? 'silent' : 'undelivered'
}

/** One message carries at most this many offers, and about this many characters of input. */
const LIST_MAX = 512
const LIST_CHARS_MAX = 2 * 1024 * 1024

/** How many of these offers go into one message. */
export function listLength(queue: OutgoingOffer[]): number {
  let chars = 0
  let length = 0
  for (const { input, work } of queue) {
    chars += input.length + (work?.length ?? 0)
    if (length === LIST_MAX || (length > 0 && chars > LIST_CHARS_MAX)) break
    length++
  }
  return length
}

/** Ids and kinds are of characters that JSON does not escape, and the input is JSON already. */
export const offerText = ({
  attempt,
  task,
  kind,
  runLimitMs,
  input,
  work,
  trace,
}: OutgoingOffer): string =>
  `{"attempt":"${attempt}","task":"${task}","kind":"${kind}","runLimitMs":${runLimitMs},` +
  `"input":${input}${work === null ? '' : `,${work}`}${trace === null ? '' : traceText(trace)}}`

const traceText = (trace: string): string => `,${JSON.stringify(traceFields(trace)).slice(1, -1)}`
