// Logs: one line of JSON per event on standard error, so that standard output stays for results.

import { pino } from 'pino'

export type Logger = ReturnType<typeof createLog>

/** `name` says which process speaks. Levels as in pino; `silent` for none. */
export function createLog(name: string, level: string) {
  const redact = ['req.headers.authorization', 'headers.authorization', '*.token', '*.key']
  return pino({ name, level, redact, base: { name } }, pino.destination({ dest: 2, sync: true }))
}
