// Replaces faulty outcomes in a request body. An outcome is faulty when its JSON is ambiguous, too deep or
// unsafe (a duplicate name, a lone surrogate, `__proto__`). Such an outcome must not make the master refuse
// the other outcomes of the request, because the slave would repeat all of them for ever. A failure that
// describes the fault takes its place; the rest of the body is kept byte for byte and checked as usual.

import { textOf } from '../../shared/data/json-bytes.ts'
import { ambiguityOf, scanJson } from '../../shared/data/json-text.ts'
import type { Members, Span } from '../../shared/data/raw-json.ts'
import { scan } from '../../shared/data/raw-json.ts'
import { JSON_DEPTH_MAX } from '../../shared/http/server.ts'
import { Done } from '../../shared/protocol/wire.ts'

type Place = Pick<Span, 'start' | 'end'>

/** How deep an outcome is nested: in the body, its list and a callback. */
const OUTCOME_DEPTH = 3

/**
 * The body of `POST /callbacks` or `POST /submit_result` without its faulty outcomes; null when the body is
 * not JSON or no outcome is faulty.
 */
export function withoutFaulty(bytes: Buffer): Buffer | null {
  if (!isJson(bytes)) return null
  const { members } = scan(bytes, OUTCOME_DEPTH)
  const outcomes = members?.get('callbacks')?.items?.map((each) => each.members?.get('outcome'))
  return outcomes ? withoutFaultyOf(bytes, outcomes) : withoutFaultyResult(bytes, members)
}

function withoutFaultyOf(bytes: Buffer, outcomes: (Span | undefined)[]): Buffer | null {
  const pieces: Buffer[] = []
  let from = 0
  for (const span of outcomes) {
    const mistake = span && mistakeIn(bytes, span, OUTCOME_DEPTH)
    if (!mistake) continue
    const type = failureOf(bytes, span)
    const failure = JSON.stringify({ status: 'failed', type, message: wordsOf(mistake) })
    pieces.push(bytes.subarray(from, span.start), Buffer.from(failure))
    from = span.end
  }
  return from === 0 ? null : Buffer.concat([...pieces, bytes.subarray(from)])
}

/** A faulty failure keeps its type. */
function failureOf(bytes: Buffer, span: Span): string {
  const outcome = JSON.parse(textOf(bytes, span)) as { status?: unknown; type?: unknown } | null
  const isFailure = outcome?.status === 'failed' && typeof outcome.type === 'string'
  return isFailure ? (outcome.type as string) : 'invalid-result'
}

/** The same for a single outcome in the short form. */
function withoutFaultyResult(bytes: Buffer, members: Members | undefined): Buffer | null {
  const result = members?.get('result')
  const mistake = result && mistakeIn(bytes, result, 1)
  if (!members || !mistake) return null
  const around = [bytes.subarray(0, result.start), 'null', bytes.subarray(result.end)]
  const rest = Buffer.from(around.map(String).join(''))
  if (mistakeIn(rest, { start: 0, end: rest.length }, 0) !== null) return null
  const failure = JSON.stringify({ type: 'invalid-result', message: wordsOf(mistake) })
  const fields = members.names.flatMap((name, i) =>
    Object.hasOwn(Done.properties, name)
      ? []
      : [`${JSON.stringify(name)}:${textOf(bytes, members.spans[i] as Span)}`],
  )
  return Buffer.from(`{${[...fields, `"failure":${failure}`].join()}}`)
}

function mistakeIn(bytes: Buffer, { start, end }: Place, depth: number): string | null {
  const part = bytes.subarray(start, end)
  const found = scanJson(part)
  if (found.depth + depth > JSON_DEPTH_MAX) {
    return `more than ${JSON_DEPTH_MAX} arrays and objects are nested`
  }
  const value: unknown = JSON.parse(part.toString())
  return (
    ambiguityOf(value, found) ??
    (isPoisoned(value)
      ? 'it contains a name that is not allowed: __proto__ or constructor.prototype'
      : null)
  )
}

/** Whether the body parser (secure-json-parse) refuses the value. */
function isPoisoned(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Object.hasOwn(value, '__proto__')) return true
  const made = Object.hasOwn(value, 'constructor') ? (value.constructor as unknown) : null
  if (typeof made === 'object' && made !== null && Object.hasOwn(made, 'prototype')) return true
  return Object.values(value).some(isPoisoned)
}

const wordsOf = (mistake: string): string =>
  `the slave delivered JSON that cannot be used: ${mistake}`

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString())
    return true
  } catch {
    return false
  }
}
