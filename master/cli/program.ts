// The command line of `askfirst`: all commands, the options that they share, and how a command runs.

import { readFileSync } from 'node:fs'
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { Command, CommanderError, Option } from '@commander-js/extra-typings'
import type { Client } from '../../shared/client/client.ts'
import { createClient } from '../../shared/client/client.ts'
import { UsageError } from '../../shared/process/usage-error.ts'
import { VERSION } from '../../shared/process/version.ts'
import { identity } from './admin/identity.ts'
import { init } from './admin/init.ts'
import { key } from './admin/key.ts'
import { token } from './admin/token.ts'
import type { Runner } from './command.ts'
import { bench } from './commands/bench.ts'
import { doctor } from './commands/doctor.ts'
import { events } from './commands/events.ts'
import { job, jobs } from './commands/job.ts'
import { run as runCommand } from './commands/run.ts'
import { drain, resume, slaves } from './commands/slaves.ts'
import { status } from './commands/status.ts'
import { submit } from './commands/submit.ts'
import { cancel, retry, task, tasks } from './commands/tasks.ts'
import { watch } from './commands/watch.ts'
import { why } from './commands/why.ts'
import type { Exit } from './exit-codes.ts'
import { EXIT } from './exit-codes.ts'
import { createOutput, writeLines } from './output.ts'

type Make = (run: Runner) => CommandUnknownOpts

/** Commands that speak to a master, in the order of the overview. A new one is a file and a line here. */
export const CLIENT_COMMANDS: Make[] = [
  submit,
  runCommand,
  tasks,
  task,
  why,
  cancel,
  retry,
  job,
  jobs,
  slaves,
  drain,
  resume,
  status,
  watch,
  events,
  bench,
  doctor,
]

/** Commands on a master's own data folder. They speak to no master. */
const ADMIN_COMMANDS: Make[] = [init, token, key, identity]

/** Programs of their own, which askfirst.mjs starts. They are here for the overview. */
export const PROGRAMS = {
  master: 'starts a master; its settings: askfirst master --help',
  slave: 'starts a slave; its settings: askfirst slave --help',
}

/** Options that every client command takes, before its name or after it. */
const GLOBAL_OPTIONS: [flags: string, says: string][] = [
  ['--url <URL>', 'URL of the master; default ASKFIRST_URL, else http://127.0.0.1:8080'],
  [
    '--key-file <FILE>',
    'file that contains the key; default ASKFIRST_KEY_FILE, or the key itself in ASKFIRST_KEY',
  ],
  ['--ca <FILE>', 'CA certificates (PEM) of the master; default ASKFIRST_CA'],
  ['--json', 'print JSON, also in a terminal'],
]
type Globals = { url?: string; keyFile?: string; ca?: string; json?: boolean }

const AFTER_OVERVIEW = [
  '',
  'askfirst COMMAND --help describes a command. Output is text in a terminal and JSON elsewhere.',
  '--url or ASKFIRST_URL gives the master. The key is read from ASKFIRST_KEY, or from',
  'the file that --key-file or ASKFIRST_KEY_FILE names. Exit codes:',
  '',
  ...Object.values(EXIT).map(([code, text]) => `  ${String(code).padStart(3)}  ${text}`),
].join('\n')

/** An expression may begin with a minus; no option begins with a minus and a digit, dot or parenthesis. */
const NEGATIVE = /^-[\d.(]/

export type Program = ReturnType<typeof createProgram>

/** The command line. `stdout` and `stderr` get all that it prints; `signal` stops a command. */
export function createProgram(given: {
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}) {
  const { stdout, stderr, env, signal } = given
  const opened: Client[] = []
  const clientCommands = new Set<CommandUnknownOpts>()
  let globals: Globals = {}
  let exit: Exit | number = 'ok'
  let second: AbortController | undefined

  const run: Runner =
    (does) =>
    async (...operands) => {
      const client = (patienceMs = 0, connections?: number): Client => {
        const more = connections === undefined ? {} : { connections }
        const of = { ...masterOf(globals, env), patienceMs, ...more }
        const made = createClient({ ...of, asWritten: true })
        opened.push(made)
        return made
      }
      const output = createOutput({ stdout, stderr, json: globals.json ?? false })
      const onSecond = (): AbortSignal => (second ??= new AbortController()).signal
      const session = { client, output, env, signal, second: onSecond }
      exit = (await does(session, ...operands)) ?? 'ok'
    }

  const root: CommandUnknownOpts = new Command('askfirst')
    .description('askfirst: assigns tasks to the first slave that accepts')
    .version(VERSION, '--version')
    .addHelpText('after', AFTER_OVERVIEW)
    // Options after a command's name belong to the command: `init` has a --url of its own.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => void writeLines(stdout, linesOf(text)),
      writeErr: (text) => void writeLines(stderr, linesOf(text)),
      outputError: () => {},
    })
    .hook('preAction', (program, command) => {
      globals = { ...program.opts(), ...command.opts() }
      if (clientCommands.has(command)) removeGlobals(command)
    })
    .exitOverride(refuse('askfirst'))
  addGlobals(root)
  root.command('version', { hidden: true }).action(() => void writeLines(stdout, VERSION))

  root.commandsGroup('Programs:')
  for (const [name, says] of Object.entries(PROGRAMS)) {
    const notFirst = `askfirst ${name} takes no options before its name`
    root
      .command(name)
      .description(says)
      .action(() => root.error(notFirst))
  }
  root.commandsGroup('Commands on a data folder:')
  for (const make of ADMIN_COMMANDS) adopt(root, make(run))
  root.commandsGroup('Commands:')
  for (const make of CLIENT_COMMANDS) {
    const command = adopt(root, make(run))
    addGlobals(command)
    clientCommands.add(command)
  }

  const names = new Set(root.commands.map((each) => each.name()))
  return {
    /** Runs the command that the arguments name. Throws UsageError and the errors of the command. */
    async run(argv: readonly string[]): Promise<Exit | number> {
      const isRun = argv.find((each) => names.has(each)) === 'run'
      const args = argv.map((each) => (!isRun && NEGATIVE.test(each) ? ` ${each}` : each))
      try {
        await root.parseAsync(args.length === 0 ? ['--help'] : args, { from: 'user' })
        return exit
      } catch (error) {
        if (!(error instanceof CommanderError)) throw error
        return error.exitCode === 0 ? 'ok' : 'usage'
      } finally {
        await Promise.all(opened.map((each) => each.close()))
      }
    },

    /** Tells the command of a second Ctrl-C. Gives false if it does not want to know, or knows already. */
    stopAtOnce(): boolean {
      if (second === undefined || second.signal.aborted) return false
      second.abort()
      return true
    },
  }
}

function addGlobals(command: CommandUnknownOpts): void {
  for (const [flags, says] of GLOBAL_OPTIONS) {
    command.addOption(new Option(flags, says).helpGroup('Global options:'))
  }
}

/** A command gets its own options only: some of them are sent to the master as they are. */
function removeGlobals(command: CommandUnknownOpts): void {
  const values: Record<string, unknown> = command.opts()
  for (const [flags] of GLOBAL_OPTIONS) delete values[new Option(flags).attributeName()]
}

/** Adds a command. It and its subcommands print as the root does, and refuse with their own name. */
function adopt(root: CommandUnknownOpts, command: CommandUnknownOpts): CommandUnknownOpts {
  root.addCommand(command)
  for (const each of [command, ...command.commands]) {
    each.copyInheritedSettings(root).exitOverride(refuse(`askfirst ${command.name()}`))
  }
  return command
}

/** Ends commander's parsing: by a UsageError, unless commander has printed a help or the version. */
const refuse =
  (path: string) =>
  (error: CommanderError): never => {
    if (error.exitCode === 0 || error.code === 'commander.help') throw error
    // One line: no text of the user begins a line of its own.
    const words = error.message.replace(/^error: /, '').replace(/\n(\(Did you mean .*\?\))$/, ' $1')
    throw new UsageError(`${words}; see ${path} --help`)
  }

const linesOf = (text: string): string[] => text.replace(/\n$/, '').split('\n')

/** Which master, and with what key: by option, else by the environment. */
function masterOf({ url: named, keyFile: file, ca: caFile }: Globals, env: NodeJS.ProcessEnv) {
  const { ASKFIRST_URL, ASKFIRST_KEY, ASKFIRST_KEY_FILE, ASKFIRST_CA } = env
  const url = named ?? ASKFIRST_URL
  if (url !== undefined && !/^https?:\/\//.test(url)) {
    throw new UsageError(`"${url}" is no URL of a master: it must be http://... or https://...`)
  }
  const keyFile = file ?? (ASKFIRST_KEY === undefined ? ASKFIRST_KEY_FILE : undefined)
  const key = keyFile === undefined ? ASKFIRST_KEY : readFileSync(keyFile, 'utf8').trim()
  const ca = caFile ?? ASKFIRST_CA
  return {
    ...(url === undefined ? {} : { url }),
    ...(key === undefined || key === '' ? {} : { key }),
    ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
  }
}
