// How what is typed into the form for programs becomes a task, and how a task is written in one line. Pure.

/** What the master is sent. @typedef {Record<string, unknown>} Body */

/**
 * Nothing is sent of a field that is empty.
 * @param {(name: string) => string} typed what stands in a field
 * @param {Record<string, { sha256: string }>} files
 * @returns {Body}
 */
export function commandTask(typed, files) {
  const input = {
    program: typed('program').trim(),
    args: linesOf(typed('args')),
    stdin: typed('stdin'),
    env: variablesOf(typed('env')),
    secretEnv: variablesOf(typed('secretEnv')),
  }
  const options = {
    files,
    outputs: linesOf(typed('outputs')),
    attemptsMax: numberOf(typed('attemptsMax')),
    retryOn: typed('retryOn')
      .split(/[\s,]+/)
      .filter(isThere)
      .map(numberOf),
    runLimitMs: msOf(typed('runLimitS')),
    tags: linesOf(typed('tags')),
    queue: typed('queue') === 'on' ? true : undefined,
  }
  return { kind: 'command', input: withoutEmpty(input), ...withoutEmpty(options) }
}

/** Lines of a text; none when it is empty. @param {string} text */
const linesOf = (text) =>
  text
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter(isThere)

/** @param {string} text */
const isThere = (text) => text !== ''

/** `NAME=value`, one per line. @param {string} text */
const variablesOf = (text) =>
  Object.fromEntries(
    linesOf(text).map((line) => {
      const [name = '', ...value] = line.split('=')
      return [name.trim(), value.join('=')]
    }),
  )

/** What is no number stays text: the master says what is wrong with it. @param {string} text */
function numberOf(text) {
  const trimmed = text.trim()
  if (trimmed === '') return undefined
  return Number.isNaN(Number(trimmed)) ? trimmed : Number(trimmed)
}

/** @param {string} text in seconds */
function msOf(text) {
  const seconds = numberOf(text)
  return typeof seconds === 'number' ? Math.round(seconds * 1000) : seconds
}

/** @param {Record<string, any>} fields */
const withoutEmpty = (fields) =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => {
      if (value === undefined || value === '') return false
      return typeof value !== 'object' || Object.keys(value).length > 0
    }),
  )

/**
 * The programs that slaves run, in the order of asking.
 * @param {{ state: string, commands?: { programs: string[] | 'any' } | null }[]} slaves
 */
export function programsKnown(slaves) {
  const names = new Set()
  let any = false
  for (const { state, commands } of slaves) {
    if (!commands || state === 'silent') continue
    if (commands.programs === 'any') any = true
    else for (const name of commands.programs) names.add(name)
  }
  return { any, names: /** @type {string[]} */ ([...names]) }
}

/** The input of a task in one line. @param {any} task */
export function inputLine({ kind, input }) {
  if (kind !== 'command' || typeof input?.program !== 'string') return input?.expression ?? input
  return [input.program, ...(input.args ?? [])].map(wordOf).join(' ')
}

/** A word as a shell reads it. @param {string} word */
const wordOf = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`)

/** What a program printed, in short. @param {any} result */
export const printedLine = ({ stdout, stderr, exitCode }) =>
  String(stdout ?? '').trim() || String(stderr ?? '').trim() || `exit code ${exitCode}`
