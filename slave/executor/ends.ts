// Parses what a child wrote about runs that ended (channel.ts defines the form). A child may run hostile
// code: anything that has another form is garbage.

import { scan } from '../../shared/data/raw-json.ts'
import { FAILURES } from '../../shared/protocol/wire.ts'
import { keepWritten } from '../link/raw-inputs.ts'
import type { EndFrame } from './channel.ts'

/** Levels of a line of ends: the list, the ends, their outcomes. */
const END_LEVELS = 3

/** The ends in a line of a child; undefined when it is anything else. */
export function parseEnds(line: string): EndFrame[] | undefined {
  try {
    const frame: unknown = JSON.parse(line)
    if (!Array.isArray(frame) || !frame.every(isEnd)) return undefined
    const bytes = Buffer.from(line)
    const spans = scan(bytes, END_LEVELS).items ?? []
    for (const [i, [, , outcome]] of frame.entries()) {
      if (outcome) keepWritten(outcome, bytes, spans[i]?.items?.[2]?.members?.get('result'))
    }
    return frame
  } catch {
    return undefined
  }
}

function isEnd(value: unknown): value is EndFrame {
  if (!Array.isArray(value) || !Number.isInteger(value[0])) return false
  return value.length === 1 || (value.length === 3 && value[1] >= 0 && isOutcome(value[2]))
}

function isOutcome(value: Partial<Record<string, unknown>> | null): boolean {
  if (value?.status === 'done') return 'result' in value
  return (
    value?.status === 'failed' &&
    typeof value.message === 'string' &&
    (FAILURES as readonly unknown[]).includes(value.type)
  )
}
