// Parses what a child wrote about runs that ended (channel.ts defines the form). A child may run hostile
// code: anything that has another form is garbage.

import { Raw } from '../../shared/data/raw-json.ts'
import type { FailureType, Outcome } from '../../shared/protocol/wire.ts'
import { FAILURES } from '../../shared/protocol/wire.ts'
import { TAB } from './channel.ts'

/** What became of run n. Without an outcome: it was skipped and never began. */
export type End = { n: number; ranMs: number; outcome: Outcome | null }

/** The ends in a line of a child; undefined when it is anything else. */
export function parseEnds(line: string): End[] | undefined {
  const tab = line.indexOf(TAB)
  if (tab < 0) return undefined
  let at = tab + 1
  /** The next so many characters, which must be JSON. */
  const take = (characters: number): Raw => {
    const text = line.slice(at, (at += characters))
    JSON.parse(text)
    return new Raw(text)
  }
  try {
    const frames: unknown = JSON.parse(line.slice(0, tab))
    if (!Array.isArray(frames)) return undefined
    const ends: End[] = []
    for (const frame of frames) ends.push(endOf(frame, take))
    return at === line.length ? ends : undefined
  } catch {
    return undefined
  }
}

/** Throws when it is none. */
function endOf(frame: unknown, take: (characters: number) => Raw): End {
  must(Array.isArray(frame))
  const [n, ranMs, what, resultType, resultText] = frame as unknown[]
  must(isCount(n))
  if (frame.length === 1) return { n, ranMs: 0, outcome: null }
  must(typeof ranMs === 'number' && ranMs >= 0 && ranMs < Number.POSITIVE_INFINITY)
  must(frame.length >= 3 && frame.length <= 5)
  if (!isCount(what)) return { n, ranMs, outcome: failureOf(what) }
  const outcome: Outcome = { status: 'done', result: take(what) }
  if (resultType != null) outcome.resultType = textOf(resultType)
  if (resultText !== undefined) outcome.resultText = textOf(resultText)
  return { n, ranMs, outcome }
}

function failureOf(what: unknown): Outcome {
  const { type, message } = what as { type: unknown; message: unknown }
  must((FAILURES as readonly unknown[]).includes(type))
  return { status: 'failed', type: type as FailureType, message: textOf(message) }
}

function textOf(value: unknown): string {
  must(typeof value === 'string')
  return value
}

const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0

function must(holds: boolean): asserts holds {
  if (!holds) throw new TypeError('not an end')
}
