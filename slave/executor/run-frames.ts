// Encodes runs for a pipe. An input that cannot be encoded, or whose numbers would reach the kind changed,
// rejects its own run only.

import { unfitNumber, unfitRule } from '../../shared/data/json-numbers.ts'
import { encode, Raw } from '../../shared/data/raw-json.ts'
import { NO_RUN } from './channel.ts'
import type { Entry } from './member.ts'

/**
 * A list of frames for one write, as one line. `reject` is called for each run whose input does not fit,
 * with the reason. Its number stays used: the child reports it as skipped.
 */
export function encodeRuns(batch: Entry[], reject: (entry: Entry, reason: string) => void): string {
  let frames = ''
  for (const entry of batch) {
    frames += `${frames === '' ? '[' : ','}${frameOrReject(entry, reject)}`
  }
  return `${frames}]`
}

function frameOrReject(entry: Entry, reject: (entry: Entry, reason: string) => void): string {
  try {
    return frameOf(entry)
  } catch (error) {
    const isUnfit = error instanceof UnfitInputError
    // An input may be nested too deeply for the encoder.
    reject(entry, isUnfit ? error.message : `cannot be encoded: ${String(error)}`)
    return `[${NO_RUN}]`
  }
}

class UnfitInputError extends Error {}

/** A RunFrame as JSON. Throws for an input whose numbers would reach the kind changed. */
function frameOf({ kind, run: { input, work } }: Entry): string {
  const text = input instanceof Raw ? lineOf(input) : (JSON.stringify(input) ?? 'null')
  return work ? `[${kind},${text},${encode(work)}]` : `[${kind},${text}]`
}

/** An input as it was written, without line breaks: they end a frame. Between values they are blanks. */
function lineOf({ text }: Raw): string {
  const unfit = unfitNumber(text)
  if (unfit) throw new UnfitInputError(`${unfit.path || 'the input'} ${unfitRule(unfit)}`)
  return text.includes('\n') ? text.replaceAll('\n', ' ') : text
}
