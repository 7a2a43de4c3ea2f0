// One table of settings per process: a TypeBox object whose properties carry default, bounds and
// one sentence. Read once at the start - flag, else environment, else file, else default - checked
// and frozen. `--help` and the README table come from the same object. A secret (`secret: true`)
// is never taken from a flag, because any user of the machine can read another's command line.

import { readFileSync } from 'node:fs'
import type { Static, TObject, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { ALL_SETTINGS } from './all-settings.ts'

export type SettingSource = { argv: string[]; env: Record<string, string | undefined> }

/** A setting that is unknown, malformed or out of range. Its message names it and what is right. */
export class SettingError extends Error {
  override name = 'SettingError'
}

type Row = TSchema & {
  description?: string
  default?: unknown
  minimum?: number
  maximum?: number
  enum?: string[]
  anyOf?: { const: string }[]
  pattern?: string
  items?: Row
  type?: string
  secret?: boolean
  /** What the value must be, in words, where a pattern would say it to nobody. */
  wanted?: string
  /** What the default is, in words, where the value would not say it. */
  defaultText?: string
  /**
   * The name of another setting that this one must not exceed. A value that was not given gives way;
   * one that was given is refused.
   */
  atMost?: string
}

type Flags = { [name: string]: unknown; config?: string }

/** `askTimeoutMs` is `--ask-timeout-ms` on the command line ... */
export const flagOf = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** ... and `ASKFIRST_ASK_TIMEOUT_MS` in the environment. */
export const variableOf = (name: string): string =>
  `ASKFIRST_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`

/**
 * Reads the settings of `table` from flags, environment and the JSON file named by `--config`.
 * Returns them complete and frozen, or 'help' or 'version' when that was asked for. Throws
 * SettingError.
 */
export function readSettings<T extends TObject>(
  table: T,
  source: SettingSource,
): Readonly<Static<T>> | 'help' | 'version' {
  const flags = parseFlags(table, source.argv)
  if (typeof flags === 'string') return flags
  const env = withoutServiceLinks(source.env)
  refuseUnknownVariables(table, env)
  const file = flags.config ?? env.ASKFIRST_CONFIG
  const fromFile = file === undefined ? {} : parseFile(table, file)
  return complete(table, (name, row) => {
    const variable = env[variableOf(name)]
    if (flags[name] !== undefined) return { value: flags[name], from: flagOf(name) }
    if (variable !== undefined) {
      return { value: fromText(variableOf(name), row, variable), from: variableOf(name) }
    }
    return { value: fromFile[name], from: `"${name}" in ${file}` }
  })
}

/** The settings of `table` as it stands, all defaults; `given` on top, checked. For tests. */
export function settingsOf<T extends TObject>(
  table: T,
  given: Partial<Static<T>> = {},
): Readonly<Static<T>> {
  return complete(table, (name) => ({ value: given[name as keyof typeof given], from: name }))
}

/** All settings: what `given` knows of each, else its default; checked and frozen. */
function complete<T extends TObject>(
  table: T,
  given: (name: string, row: Row) => { value: unknown; from: string },
): Readonly<Static<T>> {
  const settings: Record<string, unknown> = {}
  const sources = new Map<string, string>()
  const required: string[] = table.required ?? []
  for (const [name, row] of rowsOf(table)) {
    const { value: said, from } = given(name, row)
    const value = said === undefined ? row.default : said
    if (said !== undefined) sources.set(name, from)
    if (value === undefined) {
      if (!required.includes(name)) continue
      throw new SettingError(`${nameOf(name, row)} is required: ${wanted(row)}${meaning(row)}`)
    }
    if (!Value.Check(row, value)) throw wrong(from, row, value)
    // A copy, so that nobody changes the default of the table.
    settings[name] = Array.isArray(value) ? Object.freeze([...value]) : value
  }
  agree(table, settings, sources)
  return Object.freeze(settings) as Readonly<Static<T>>
}

/** Settles what must not exceed another setting: what nobody gave gives way. */
function agree(
  table: TObject,
  settings: Record<string, unknown>,
  sources: ReadonlyMap<string, string>,
): void {
  for (const [name, { atMost, minimum = 0 }] of rowsOf(table)) {
    if (atMost === undefined || !((settings[name] as number) > (settings[atMost] as number)))
      continue
    const from = sources.get(name)
    if (from === undefined && (settings[atMost] as number) >= minimum) {
      settings[name] = settings[atMost]
      continue
    }
    const other = sources.get(atMost) ?? flagOf(atMost)
    throw new SettingError(
      `${from ?? flagOf(name)} cannot be ${settings[name]}: it must be at most ${other}, which is ` +
        `${settings[atMost]}; lower one or raise the other`,
    )
  }
}

/** The last part of a variable that Kubernetes (and Docker's --link) sets for a Service. */
const SERVICE_LINK =
  /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
const SERVICE_ADDRESS = /^(tcp|udp|sctp):\/\//

/**
 * The environment without the variables that Kubernetes sets for a Service named `askfirst` or
 * `askfirst-...`, such as ASKFIRST_PORT=tcp://10.96.4.5:8080: they are not settings.
 */
function withoutServiceLinks(env: SettingSource['env']): SettingSource['env'] {
  const isLink = ([name, value = '']: [string, string | undefined]): boolean =>
    SERVICE_LINK.test(name) || (name.endsWith('_PORT') && SERVICE_ADDRESS.test(value))
  return Object.fromEntries(Object.entries(env).filter((each) => !isLink(each)))
}

/** A name of ours that neither program knows is a mistake of spelling. */
function refuseUnknownVariables(table: TObject, env: SettingSource['env']): void {
  const own = rowsOf(table).map(([name]) => variableOf(name))
  const known = [...own, ...ALL_SETTINGS.map(variableOf), 'ASKFIRST_CONFIG']
  for (const name of Object.keys(env)) {
    if (!name.startsWith('ASKFIRST_') || known.includes(name)) continue
    throw new SettingError(`unknown setting ${name} in the environment${nearest(name, known)}`)
  }
}

/** The text of `--help`. */
export function help(command: string, summary: string, table: TObject): string {
  const rows = [...rowsOf(table)].map(([name, row]) => {
    const flag = `${nameOf(name, row)} ${row.secret ? '' : placeholder(row)}`.trimEnd()
    return [flag, `${row.description ?? ''}${boundsOf(row)}`] as const
  })
  const width = Math.max(...rows.map(([flag]) => flag.length)) + 2
  const lines = rows.map(([flag, says]) => `  ${flag.padEnd(width)}${says}`)
  return [
    `${command}: ${summary}`,
    '',
    ...lines,
    `  ${'--config FILE'.padEnd(width)}a file with a JSON object of these settings, such as {"port": 8080}`,
    `  ${'--version'.padEnd(width)}prints the version`,
    '',
    `Each setting is also read from the environment, such as ${variableOf('port')}; a flag overrides the`,
    'environment, and the environment overrides the file.',
    '',
  ].join('\n')
}

/** A README table of the settings: flag, default, bounds and sentence. */
export function settingsTable(table: TObject): string {
  const rows = [...rowsOf(table)].map(([name, row]) => {
    const given = row.default === undefined ? '' : `\`${JSON.stringify(row.default)}\``
    const shown = row.defaultText ?? given
    return `| \`${nameOf(name, row)}\` | ${shown} | ${row.description ?? ''}${rangeOf(row)} |`
  })
  return ['| setting | default | meaning |', '|---|---|---|', ...rows].join('\n')
}

/** How a setting is given: its flag, but a secret by its variable. */
const nameOf = (name: string, row: Row): string => (row.secret ? variableOf(name) : flagOf(name))

const rowsOf = (table: TObject): [string, Row][] =>
  Object.entries(table.properties as Record<string, Row>)

function parseFlags(table: TObject, argv: string[]): Flags | 'help' | 'version' {
  const names = new Map(rowsOf(table).map(([name, row]) => [flagOf(name), [name, row] as const]))
  const flags: Flags = {}
  for (let i = 0; i < argv.length; i++) {
    const [flag, inline] = splitFlag(argv[i] as string)
    if (flag === '--help' || flag === '-h') return 'help'
    if (flag === '--version') return 'version'
    const known =
      flag === '--config' ? (['config', { type: 'string' } as Row] as const) : names.get(flag)
    if (!known) throw new SettingError(`unknown setting ${flag}${nearest(flag, [...names.keys()])}`)
    const [name, row] = known
    if (row.secret) {
      throw new SettingError(
        `${flag} is a secret: set ${variableOf(name)}, or put it into the settings file`,
      )
    }
    const next = argv[i + 1]
    if (row.type === 'boolean') {
      const spelled = inline ?? (next === 'true' || next === 'false' ? argv[++i] : 'true')
      flags[name] = fromText(flag, row, spelled as string)
      continue
    }
    // A value that begins with -- is rather a value forgotten; such a one is given as --flag=VALUE.
    if (inline === undefined && (next === undefined || next.startsWith('--'))) {
      throw new SettingError(`${flag} needs a value: ${flag} ${placeholder(row)}`)
    }
    const value = fromText(flag, row, inline ?? (argv[++i] as string))
    // A list may be given in pieces.
    flags[name] = Array.isArray(value) ? [...((flags[name] as []) ?? []), ...value] : value
  }
  return flags
}

function splitFlag(argument: string): [flag: string, inline: string | undefined] {
  const at = argument.indexOf('=')
  return argument.startsWith('--') && at > 0
    ? [argument.slice(0, at), argument.slice(at + 1)]
    : [argument, undefined]
}

function parseFile(table: TObject, file: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new SettingError(`cannot read the settings file ${file}: ${(error as Error).message}`)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new SettingError(`the settings file ${file} must contain one JSON object`)
  }
  const names = rowsOf(table).map(([name]) => name)
  for (const name of Object.keys(parsed)) {
    if (!names.includes(name)) {
      throw new SettingError(`unknown setting "${name}" in ${file}${nearest(name, names)}`)
    }
  }
  return parsed as Record<string, unknown>
}

function fromText(from: string, row: Row, text: string): unknown {
  if (row.type === 'array') return text === '' ? [] : text.split(',').map((item) => item.trim())
  if (row.type === 'boolean') {
    if (text !== 'true' && text !== 'false') throw wrong(from, row, text)
    return text === 'true'
  }
  if (row.type === 'integer' || row.type === 'number') {
    if (text.trim() === '' || !Number.isFinite(Number(text))) throw wrong(from, row, text)
    return Number(text)
  }
  return text
}

const wrong = (from: string, row: Row, value: unknown): SettingError => {
  const shown = row.secret ? '(hidden)' : JSON.stringify(value)
  return new SettingError(`${from} cannot be ${shown}: it must be ${wanted(row)}${meaning(row)}`)
}

const meaning = (row: Row): string => (row.description ? ` (${row.description})` : '')

const choicesOf = (row: Row): string[] | undefined =>
  row.enum ?? row.anyOf?.map((choice) => choice.const)

function wanted(row: Row): string {
  if (row.wanted !== undefined) return row.wanted
  const choices = choicesOf(row)
  if (choices) return `one of ${choices.join(', ')}`
  if (row.type === 'integer' || row.type === 'number') {
    const least = row.minimum === undefined ? '' : ` from ${row.minimum}`
    const most = row.maximum === undefined ? '' : ` to ${row.maximum}`
    return `${row.type === 'integer' ? 'an integer' : 'a number'}${least}${most}`
  }
  if (row.type === 'boolean') return 'true or false'
  if (row.type === 'array') return `a list${row.items ? ` of ${wanted(row.items)}` : ''}`
  return row.pattern === undefined ? 'text' : `text that matches ${row.pattern}`
}

function placeholder(row: Row): string {
  if (choicesOf(row)) return 'WORD'
  if (row.type === 'boolean') return ''
  if (row.type === 'array') return 'A,B,...'
  return row.type === 'integer' || row.type === 'number' ? 'N' : 'TEXT'
}

function rangeOf(row: Row): string {
  const numeric = row.type === 'integer' || row.type === 'number'
  if (!numeric && !choicesOf(row)) return ''
  const other = row.atMost === undefined ? '' : `, at most ${flagOf(row.atMost)}`
  return ` (${wanted(row).replace(/^an? (integer|number) /, '')}${other})`
}

function boundsOf(row: Row): string {
  const shown = row.defaultText ?? JSON.stringify(row.default)
  const given = row.default === undefined ? '' : `; default ${shown}`
  return `${rangeOf(row)}${given}`
}

/** ", did you mean X?" for the known name nearest to a mistyped one. */
function nearest(given: string, names: string[]): string {
  const ranked = names
    .map((name) => ({ name, away: distance(plain(given), plain(name)) }))
    .sort((a, b) => a.away - b.away)
  const best = ranked[0]
  return best && best.away <= Math.min(3, Math.ceil(plain(given).length / 3))
    ? `; did you mean ${best.name}?`
    : '; see --help'
}

/** `askTimeoutMs`, `--ask-timeout-ms` and `-ask_timeout_ms` are the same to whoever types them. */
const plain = (name: string): string =>
  name
    .replace(/^ASKFIRST_/, '')
    .replace(/[-_]/g, '')
    .toLowerCase()

/** Levenshtein's edit distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, change))
    }
    row = next
  }
  return row[b.length] as number
}
