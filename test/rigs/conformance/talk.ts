// How a master speaks to a slave. Rules know only the type Talk; to slaves that cannot be reached it
// is spoken in pull-talk.ts.

import { Pool } from 'undici'
import type {
  AttemptsReply,
  Availability,
  Offer,
  OffersReply,
  RevokeReply,
} from '../../../shared/protocol/wire.ts'
import { Broken } from './broken.ts'
import { checkOf } from './schemas.ts'

/** An answer as it came. Status 0: none, and `body` says why. */
export type RawAnswer = { status: number; body: unknown }

export type Talk = {
  /** "Are you available for these?" `boot`: whom they are meant for. */
  offer(offers: Offer[], boot: string): Promise<OffersReply>
  attempts(): Promise<AttemptsReply>
  availability(): Promise<Availability>
  revoke(attempts: string[]): Promise<RevokeReply>
  /** Answers the next poll of a slave that pulls, and waits until the slave says that it is over. */
  hand(answer: { offers?: object[]; revoke?: string[] }): Promise<void>
  /** Anything at all, also what is not right. */
  raw(method: string, path: string, body?: string): Promise<RawAnswer>
  close(): Promise<void>
}

const REQUEST_TIMEOUT_MS = 30_000

const checks = {
  offers: checkOf<OffersReply>('OffersReply'),
  attempts: checkOf<AttemptsReply>('AttemptsReply'),
  availability: checkOf<Availability>('Availability'),
  revoke: checkOf<RevokeReply>('RevokeReply'),
}

/** Speaks to the slave at `url` as a master does: JSON over connections that stay open. */
export function createTalk(url: string, trace: (line: string) => void): Talk {
  const pool = new Pool(new URL(url).origin, {
    connections: 8,
    headersTimeout: REQUEST_TIMEOUT_MS,
    bodyTimeout: REQUEST_TIMEOUT_MS,
  })

  async function raw(method: string, path: string, body?: string): Promise<RawAnswer> {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    trace(`master -> slave  ${method} ${path} ${body ?? ''}`)
    try {
      const answer = await pool.request({ method, path, headers, body: body ?? null })
      const text = await answer.body.text()
      trace(`slave answers    ${answer.statusCode} ${text}`)
      return { status: answer.statusCode, body: parsed(text) }
    } catch (error) {
      return { status: 0, body: `no answer: ${(error as Error).message}` }
    }
  }

  async function ask<Body>(
    what: [method: string, path: string, body?: unknown],
    check: {
      fits(value: unknown): value is Body
      mistakes(value: unknown): { field: string; rule: string }[]
    },
  ): Promise<Body> {
    const [method, path, body] = what
    const said = await raw(method, path, body === undefined ? undefined : JSON.stringify(body))
    if (said.status !== 200) throw new Broken(`${method} ${path} to be answered with 200`, said)
    if (check.fits(said.body)) return said.body
    const words = check.mistakes(said.body).map(({ field, rule }) => `${field} ${rule}`)
    throw new Broken(`an answer to ${method} ${path} that fits its schema`, words.join('; '))
  }

  return {
    offer: (offers, boot) => ask(['POST', '/offers', { boot, offers }], checks.offers),
    attempts: () => ask(['GET', '/attempts'], checks.attempts),
    availability: () => ask(['GET', '/availability'], checks.availability),
    revoke: (attempts) => ask(['POST', '/attempts/revoke', { attempts }], checks.revoke),
    hand: () => Promise.reject(new Error('this slave does not poll')),
    raw,
    close: () => pool.destroy(),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
