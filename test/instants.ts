// Instants for tests that step a core by hand.

import type { Monotonic } from '../shared/data/clock.ts'

export const instant = (ms: number): Monotonic => ms as Monotonic
