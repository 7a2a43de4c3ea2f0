// W3C Trace Context: which trace a task or job belongs to. A client may say so by `traceparent` and
// `tracestate`; that is kept with the task as one text, "traceparent" or "traceparent tracestate".
// Where the client says nothing, nothing is kept or sent: the trace is the id of the task, 128 bits
// of a UUIDv7, so the trace follows from the id of the task, and a task without one costs nothing.
// https://www.w3.org/TR/trace-context/

import { hash } from 'node:crypto'

const PARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?=$|-)/
/** Of version 00, the only one there is: nothing may follow. */
const PARENT_LENGTH = 55
/** Keys and values of `tracestate`: printable ASCII. A longer one is dropped, as the standard has it. */
const STATE = /^[\x20-\x7e]{1,512}$/

/** A span, where it belongs, and whether it shall be recorded. */
export type Trace = {
  /** 32 hexadecimal digits. */
  traceId: string
  /** The span that caused this one: 16 digits. Null when not given. */
  parentId: string | null
  sampled: boolean
  state: string | null
}

/** What two headers of a request say of a trace, as it is kept; null when nothing that can be read. */
export function readTrace(headers: Record<string, string | string[] | undefined>): string | null {
  const parent = headers.traceparent
  if (parent === undefined || typeof parent !== 'string' || !PARENT.test(parent)) return null
  if (parent.startsWith('00') && parent.length !== PARENT_LENGTH) return null
  const known = `00${parent.slice(2, PARENT_LENGTH)}`
  const { tracestate } = headers
  return typeof tracestate === 'string' && STATE.test(tracestate) ? `${known} ${tracestate}` : known
}

/** The trace of a task or job: as kept, or, where nothing is, that of its id. */
export function traceOf(id: string, kept: string | null | undefined): Trace {
  if (!kept) return { traceId: plain(id), parentId: null, sampled: true, state: null }
  return {
    traceId: kept.slice(3, 35),
    parentId: kept.slice(36, 52),
    sampled: (Number.parseInt(kept.slice(53, 55), 16) & 1) === 1,
    state: kept.length > PARENT_LENGTH ? kept.slice(PARENT_LENGTH + 1) : null,
  }
}

/** Its trace id alone: what stands in log lines. */
export const traceIdOf = (id: string, kept: string | null | undefined): string =>
  kept ? kept.slice(3, 35) : plain(id)

/** The span of a task or job: the half of its UUIDv7 that is chance. */
export const spanIdOf = (id: string): string => plain(id).slice(16)

/** A span that belongs to a task: 16 digits, always the same for the same words. */
export const spanIdFrom = (words: string): string => hash('sha256', words).slice(0, 16)

/** The trace context that a task passes on: itself as the parent. As it is stored. */
export function handedOn(id: string, kept: string | null): string {
  const { traceId, sampled, state } = traceOf(id, kept)
  const parent = `00-${traceId}-${spanIdOf(id)}-${sampled ? '01' : '00'}`
  return state === null ? parent : `${parent} ${state}`
}

/** What is kept, as the fields of a message. */
export function traceFields(kept: string): { traceparent: string; tracestate?: string } {
  const traceparent = kept.slice(0, PARENT_LENGTH)
  const tracestate = kept.slice(PARENT_LENGTH + 1)
  return tracestate === '' ? { traceparent } : { traceparent, tracestate }
}

const plain = (id: string): string => id.replaceAll('-', '')
