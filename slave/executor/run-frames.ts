// Encodes runs for a pipe. An input that cannot be encoded, or whose numbers would reach the kind changed,
// rejects its own run only.

import { unfitNumber, unfitRule } from '../../shared/data/json-numbers.ts'
import { encode, Raw } from '../../shared/data/raw-json.ts'
import type { RunFrame } from './channel.ts'
import { NO_RUN } from './channel.ts'
import type { Entry } from './member.ts'

/**
 * A list of frames for one write. `reject` is called for each run whose input does not fit, with the
 * reason. Its number stays used: the child reports it as skipped.
 */
export function encodeRuns(batch: Entry[], reject: (entry: Entry, reason: string) => void): string {
  try {
    return encode(batch.map(frameOf))
  } catch {
    return `[${batch.map((entry) => encodeOrReject(entry, reject)).join(',')}]`
  }
}

function encodeOrReject(entry: Entry, reject: (entry: Entry, reason: string) => void): string {
  try {
    return encode(frameOf(entry))
  } catch (error) {
    const isUnfit = error instanceof UnfitInputError
    // An input may be nested too deeply for the encoder.
    reject(entry, isUnfit ? error.message : `cannot be encoded: ${String(error)}`)
    return `[${NO_RUN}]`
  }
}

class UnfitInputError extends Error {}

/** Throws for an input whose numbers would reach the kind changed. */
function frameOf({ kind, run }: Entry): RunFrame {
  const { input, work } = run
  const unfit = input instanceof Raw ? unfitNumber(input.text) : null
  if (unfit) throw new UnfitInputError(`${unfit.path || 'the input'} ${unfitRule(unfit)}`)
  return work ? [kind, input, work] : [kind, input]
}
