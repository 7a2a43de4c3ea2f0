// Logs: one line per event on standard error, so that standard output stays for results. JSON for
// machines; where standard error is a terminal, lines for people. Secrets are taken out here, whoever
// logs them by mistake, and text of others is made harmless (plain-text.ts), whoever logs it.

import type { DestinationStream } from 'pino'
import { pino } from 'pino'
import { plainJson, plainValue } from '../data/plain-text.ts'

export type Logger = Awaited<ReturnType<typeof createLog>>

export type LogFormat = 'auto' | 'json' | 'pretty'

/** Names of fields that never come out, at the top of a line or up to two levels down. */
const SECRETS = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'apiKey',
  'token',
  'ticket',
  'secret',
  'password',
  'key',
  'otlpHeaders',
]

const HIDDEN = SECRETS.flatMap((name) => {
  const field = `["${name}"]`
  return [field, `*${field}`, `*.*${field}`]
})

/**
 * `name` says which process speaks. Levels as in pino; `silent` for none. `auto` is `pretty` on a
 * terminal, else `json`. `to` is where it goes in place of standard error.
 */
export async function createLog(
  name: string,
  level: string,
  format: LogFormat = 'auto',
  to?: DestinationStream,
) {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY === true)
  const hooks = { streamWrite: isPretty ? harmlessForPeople : plainJson }
  const options = { name, level, redact: HIDDEN, base: { name }, hooks }
  if (!isPretty) return pino(options, to ?? pino.destination({ dest: 2, sync: true }))
  // Only here: it takes 30 ms to load, and most masters and slaves write for machines.
  const { build } = await import('pino-pretty')
  const where = to === undefined ? { destination: 2 } : { destination: to as NodeJS.WritableStream }
  const look = { translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname', singleLine: true }
  return pino(options, build({ ...look, ...where, sync: true, colorize: process.stderr.isTTY }))
}

/** Before it is made pretty, and gets colours. Only a stack has lines of its own. */
const harmlessForPeople = (line: string): string =>
  `${JSON.stringify(plainValue(JSON.parse(line), (field) => field === 'stack'))}\n`
