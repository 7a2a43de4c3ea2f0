// What a command of `askfirst` is, how its words are read, and its --help. Knows no command.

import { parseArgs } from 'node:util'
import type { Client } from '../../shared/client/client.ts'
import { UsageError } from '../../shared/process/usage-error.ts'
import type { Exit } from './exit-codes.ts'
import { EXIT } from './exit-codes.ts'
import type { Output } from './output.ts'

export type Option = {
  is: 'flag' | 'text' | 'number'
  says: string
  /** What stands for the value in --help. */
  value?: string
  short?: string
  default?: string | number
  minimum?: number
}
export type Options = Record<string, Option>

type Value<O extends Option> = O['is'] extends 'flag'
  ? boolean
  : O extends { default: string | number }
    ? O['is'] extends 'number'
      ? number
      : string
    : (O['is'] extends 'number' ? number : string) | undefined
export type Values<O extends Options> = { [Name in keyof O]: Value<O[Name]> }

/** What a command has while it runs. */
export type Call<O extends Options = Options> = {
  values: Values<O>
  /** What is no option: at least and at most as many as the command takes. */
  operands: string[]
  /** A client of the master that was named; opened with the first call, closed by main. */
  client(patienceMs?: number): Client
  output: Output
  /** Ends with the first Ctrl-C. */
  signal: AbortSignal
}

export type Command<O extends Options = Options> = {
  name: string
  /** One line. */
  says: string
  /** What stands after the name: `ID`, `[ID]`, `[EXPRESSION]` ... */
  operands?: string
  options?: O
  /** Paragraphs of --help after the options. */
  notes?: string[]
  examples?: string[]
  // biome-ignore lint/suspicious/noConfusingVoidType: nothing said is 'ok'
  run(call: Call<O>): Promise<Exit | void>
}

/** A command as the table has it: its options are read by it alone. */
export const command = <const O extends Options>(given: Command<O>): Command =>
  given as unknown as Command

export const GLOBAL = {
  url: {
    is: 'text',
    value: 'URL',
    says: 'of the master; else ASKFIRST_URL, else http://127.0.0.1:8080',
  },
  keyFile: {
    is: 'text',
    value: 'FILE',
    says: 'file that holds the key; else ASKFIRST_KEY_FILE, or the key itself in ASKFIRST_KEY',
  },
  ca: {
    is: 'text',
    value: 'FILE',
    says: 'certificates (PEM) that vouch for the master; else ASKFIRST_CA',
  },
  json: { is: 'flag', says: 'JSON, also in a terminal' },
  help: { is: 'flag', short: 'h', says: 'this text' },
} as const satisfies Options

/** `keyFile` is `--key-file`. */
const spelled = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** An expression may begin with a minus; no option begins with one and a digit or a bracket. */
const OPERAND = /^-[\d.(]/
const MARK = '\u0000'

/** The options and operands of a command line. Throws UsageError. */
export function parse(
  { name, options = {}, operands = '' }: Command,
  argv: string[],
): { values: Values<Options & typeof GLOBAL>; operands: string[] } {
  const all: Options = { ...options, ...GLOBAL }
  const names = new Map(
    Object.entries(all).map(([each, option]) => [spelled(each), [each, option] as const]),
  )
  const config = Object.fromEntries(
    [...names].map(([flag, [, { is, short }]]) => [
      flag,
      {
        type: is === 'flag' ? ('boolean' as const) : ('string' as const),
        ...(short ? { short } : {}),
      },
    ]),
  )
  let parsed: { values: Record<string, unknown>; positionals: string[] }
  try {
    const args = argv.map((each) => (OPERAND.test(each) ? MARK + each : each))
    parsed = parseArgs({ args, options: config, allowPositionals: true })
  } catch (error) {
    throw new UsageError(
      `${(error as Error).message.split('. To specify')[0]}; see askfirst ${name} --help`,
    )
  }
  const values: Record<string, unknown> = {}
  for (const [flag, [each, option]] of names) {
    values[each] = readValue(flag, option, unmarked(parsed.values[flag]))
  }
  const given = parsed.positionals.map((each) => unmarked(each) as string)
  const [least, most] = [
    operands.replace(/\[[^[\]]*\]/g, '').match(/[A-Z]+/g)?.length ?? 0,
    operands.match(/[A-Z]+/g)?.length ?? 0,
  ]
  if (values.help !== true && (given.length < least || given.length > most)) {
    const takes = operands === '' ? 'takes no operands' : `takes ${operands}`
    throw new UsageError(`askfirst ${name} ${takes}; see askfirst ${name} --help`)
  }
  return { values: values as Values<Options & typeof GLOBAL>, operands: given }
}

const unmarked = (value: unknown): unknown =>
  typeof value === 'string' && value.startsWith(MARK) ? value.slice(1) : value

function readValue(flag: string, option: Option, given: unknown): unknown {
  if (option.is === 'flag') return given ?? false
  if (typeof given !== 'string') return option.default
  if (option.is === 'text') return given
  const number = Number(given)
  if (given.trim() !== '' && Number.isFinite(number) && number >= (option.minimum ?? 0))
    return number
  throw new UsageError(
    `--${flag} cannot be "${given}": it must be a number from ${option.minimum ?? 0}`,
  )
}

/** The text of `askfirst NAME --help`. */
export function helpOf({
  name,
  says,
  operands = '',
  options = {},
  notes = [],
  examples = [],
}: Command): string[] {
  const own = Object.keys(options).length > 0 ? ['', ...rowsOf(options)] : []
  return [
    `askfirst ${name} ${operands}`.trimEnd().concat(`: ${says}`),
    ...own,
    '',
    ...rowsOf(GLOBAL),
    ...notes.flatMap((note) => ['', ...wrapped(note)]),
    ...(examples.length > 0 ? ['', ...examples.map((example) => `  ${example}`)] : []),
  ]
}

function rowsOf(options: Options): string[] {
  const rows = Object.entries(options).map(([name, { short, value, says, ...option }]) => {
    const flag = `${short ? `-${short}, ` : ''}--${spelled(name)}${option.is === 'flag' ? '' : ` ${value ?? 'N'}`}`
    return [
      flag,
      option.default === undefined ? says : `${says}; default ${option.default}`,
    ] as const
  })
  const width = Math.max(22, ...rows.map(([flag]) => flag.length)) + 2
  return rows.map(([flag, says]) => `  ${flag.padEnd(width)}${says}`)
}

const COLUMNS = 90

function wrapped(text: string): string[] {
  const lines: string[] = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) as string
    if (line !== '' && line.length + word.length >= COLUMNS) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}

/** The text of `askfirst --help`. */
export function overview(commands: Command[], others: [name: string, says: string][]): string[] {
  const rows = [
    ...others,
    ...commands.map(
      ({ name, operands = '', says }) => [`${name} ${operands}`.trimEnd(), says] as const,
    ),
  ]
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  return [
    'askfirst: tasks for the first slave that says yes',
    '',
    ...rows.map(([name, says]) => `  ${name.padEnd(width)}${says}`),
    '',
    'askfirst COMMAND --help says more of each. In a terminal they print text, elsewhere JSON.',
    'The master is that of --url or ASKFIRST_URL; the key is read from ASKFIRST_KEY, or from',
    'the file that --key-file or ASKFIRST_KEY_FILE names. Exit codes:',
    '',
    ...Object.values(EXIT).map(([code, text]) => `  ${String(code).padStart(3)}  ${text}`),
  ]
}
