// tap adds its loader to the environment of every process that a test starts. A child with
// --permission cannot load it, and its environment is to be empty: this takes the loader out again,
// for all processes that the test starts after it was imported.

const spawning = (globalThis as Record<symbol, { listeners: unknown[] } | undefined>)[
  Symbol.for('process-on-spawn@*:singletonId')
]
if (spawning) spawning.listeners = []

/** The environment without tap, for a process that starts others itself. */
export const BARE_ENVIRONMENT = { PATH: process.env.PATH ?? '' }
