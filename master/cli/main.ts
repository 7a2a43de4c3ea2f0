// The process behind `askfirst`: finds the command, runs it, and ends with the code that says how it
// went.

import { readFileSync } from 'node:fs'
import type { Client } from '../../shared/client/client.ts'
import { createClient, ProblemError, UnreachableError } from '../../shared/client/client.ts'
import { isMisaddressed } from '../../shared/http/peer.ts'
import { noRoomOf, UsageError } from '../../shared/process/usage-error.ts'
import { VERSION } from '../../shared/process/version.ts'
import type { Call } from './command.ts'
import { helpOf, overview, parse } from './command.ts'
import { COMMANDS, DATA_COMMANDS, PROGRAMS } from './commands.ts'
import type { Exit } from './exit-codes.ts'
import { EXIT, exitOf } from './exit-codes.ts'
import { createOutput, writeLines } from './output.ts'
import { refusalInWords } from './words.ts'

/** A reader that went away (`| head`) is no mistake; a shell says 128 + SIGPIPE. */
const EXIT_NO_READER = 141

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT_NO_READER : EXIT.internal[0])
})

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(EXIT.stopped[0])
    stopping.abort()
  })
}

const exit = await run(process.argv.slice(2)).catch((thrown: unknown) => {
  const error = noRoomOf(thrown) ?? thrown
  tell(error)
  return stopping.signal.aborted ? 'stopped' : exitOf(error)
})
process.exitCode = EXIT[exit][0]
// What is on its way to a pipe is written before the end; nothing else may hold it up.
process.stdout.write('', () => process.exit())

async function run([name = '--help', ...argv]: string[]): Promise<Exit> {
  if (['--help', '-h', 'help'].includes(name) && !argv[0]) {
    writeLines(process.stdout, overview(COMMANDS, [...PROGRAMS, ...DATA_COMMANDS]))
    return 'ok'
  }
  if (name === '--version' || name === 'version') {
    writeLines(process.stdout, VERSION)
    return 'ok'
  }
  const wanted = name === 'help' ? argv.splice(0, 1, '--help')[0] : name
  if (DATA_COMMANDS.some(([own]) => own === wanted)) {
    // Only these open the identities.
    const { runDataCommand } = await import('./admin/data-commands.ts')
    await runDataCommand(wanted as string, argv)
    return 'ok'
  }
  const command = COMMANDS.find((each) => each.name === wanted)
  if (!command) throw new UsageError(`there is no command "${wanted}"; see askfirst --help`)
  const { values, operands } = parse(command, argv)
  if (values.help) {
    writeLines(process.stdout, helpOf(command))
    return 'ok'
  }
  const output = createOutput({ stdout: process.stdout, stderr: process.stderr, json: values.json })
  const opened: Client[] = []
  const client: Call['client'] = (patienceMs = 0) => {
    const made = createClient({ ...masterOf(values), patienceMs, asWritten: true })
    opened.push(made)
    return made
  }
  try {
    const call = { values, operands, client, output, signal: stopping.signal }
    return (await command.run(call)) ?? 'ok'
  } finally {
    await Promise.all(opened.map((each) => each.close()))
  }
}

/** Which master, and with what key: by option, else by the environment. */
function masterOf(values: {
  url: string | undefined
  keyFile: string | undefined
  ca: string | undefined
}) {
  const { ASKFIRST_URL, ASKFIRST_KEY, ASKFIRST_KEY_FILE, ASKFIRST_CA } = process.env
  const url = values.url ?? ASKFIRST_URL
  if (url !== undefined && !/^https?:\/\//.test(url)) {
    throw new UsageError(`"${url}" is no URL of a master: it must be http://... or https://...`)
  }
  const keyFile = values.keyFile ?? (ASKFIRST_KEY === undefined ? ASKFIRST_KEY_FILE : undefined)
  const key = keyFile === undefined ? ASKFIRST_KEY : readFileSync(keyFile, 'utf8').trim()
  const ca = values.ca ?? ASKFIRST_CA
  return {
    ...(url === undefined ? {} : { url }),
    ...(key === undefined || key === '' ? {} : { key }),
    ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
  }
}

/** An error in words; as it came, where it is a mistake of ours. */
function tell(error: unknown): void {
  const { message, stack, name } = error as Error
  if (stopping.signal.aborted && name === 'AbortError') return
  const say = ([first, ...more]: string[]): void =>
    void writeLines(process.stderr, [`askfirst: ${first}`, ...more])
  if (error instanceof ProblemError) say(refusalInWords(error))
  else if (error instanceof UnreachableError) {
    if (isMisaddressed(error.reason)) say([message])
    else say([message, '(is it running there? --url or ASKFIRST_URL names another)'])
  } else say(exitOf(error) === 'internal' ? (stack ?? message).split('\n') : [message])
}
