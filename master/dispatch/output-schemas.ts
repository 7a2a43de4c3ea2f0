// Checks results against their kind's output schema. A slave in another language, of another
// version or with a fault of its own may hand in anything: a result is checked here before anybody
// reads it.

import { IsUnknown } from 'typebox'
import { plain, Raw } from '../../shared/data/raw-json.ts'
import { createCheck } from '../../shared/http/validate.ts'
import type { Kind } from '../../shared/kinds/kind.ts'

export type Outputs = ReturnType<typeof createOutputs>

export function createOutputs(kinds: ReadonlyMap<string, Pick<Kind, 'output' | 'bare'>>) {
  // Results of kinds without an output schema are not parsed.
  const said = [...kinds].filter(([, { output }]) => !IsUnknown(output))
  const checks = new Map(said.map(([name, { output }]) => [name, createCheck(output)]))

  return {
    /** A result of this kind as its schema has it, where it was handed in as a number by itself. */
    inFull(kind: string, result: unknown): unknown {
      const bare = kinds.get(kind)?.bare
      if (bare === undefined || typeof plain(result) !== 'number') return result
      const text = result instanceof Raw ? result.text : String(result)
      return new Raw(`{${JSON.stringify(bare)}:${text}}`)
    },

    /** What is wrong with a result of this kind, or null. Of a kind that only slaves know: null. */
    mistakeIn(kind: string, result: unknown): string | null {
      const check = checks.get(kind)
      if (check === undefined) return null
      const value = plain(result)
      if (check.fits(value)) return null
      const [first] = check.mistakes(value, '/result')
      const { field, rule } = first ?? { field: 'result', rule: 'does not match the schema' }
      return `${kind} has an invalid result: ${field} ${rule}`
    },
  }
}
