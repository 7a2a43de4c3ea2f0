// Occupies a slot for a given time: for trying things out and for experiments.

import { setTimeout as delay } from 'node:timers/promises'
import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Kind } from './kind.ts'

const Input = Type.Object(
  {
    ms: Type.Number({ minimum: 0, maximum: 86_400_000, description: 'milliseconds to sleep' }),
  },
  { additionalProperties: false },
)

export const kind: Kind<Static<typeof Input>> = {
  name: 'sleep',
  summary: 'Occupies a slot for the given number of milliseconds.',
  input: Input,
  output: Type.Object({ sleptMs: Type.Number() }),
  async run({ ms }) {
    await delay(ms)
    return { result: { sleptMs: ms } }
  },
  examples: [{ input: { ms: 1 }, output: { result: { sleptMs: 1 } } }],
}
