// Mutations that change nothing that a test could see, each with the reason. They are not run.

import type { Equivalent } from './mutant.ts'

export const EQUIVALENT: Equivalent[] = []
