// What both programs share around their app: settings, help, signals, exit codes, and the check that a
// program without authentication listens on loopback only.

import type { Static, TObject } from 'typebox'
import { plainLines } from '../data/plain-text.ts'
import { notifyManager } from './notify.ts'
import { help, readSettings, SettingError, variableOf } from './settings.ts'
import { noRoomOf, UsageError } from './usage-error.ts'
import { VERSION } from './version.ts'

export { UsageError }

/** Errors whose message is enough: they are printed without a stack. */
const EXPECTED = [
  'UsageError',
  'StoreRefusedError',
  'StoreBrokenError',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EACCES',
  'ENOTFOUND',
]

/** Message of the parent process before it stops this one. */
export const PREPARE_TO_STOP = 'prepare to stop'

export type Program = {
  /** Stops it cleanly; the process exits when this resolves. */
  stop(reason: string): Promise<void>
  /** Makes it refuse new work. */
  prepareToStop?(): void
}

/** Exit code for settings that cannot be used, as in BSD's sysexits (EX_USAGE, EX_CONFIG). */
const EXIT_USAGE = 64
/** The same start may work later (EX_TEMPFAIL of sysexits): a service manager tries again. */
export const EXIT_TRY_AGAIN = 75

/** Folders become 0700, files 0600: they hold inputs, results and keys. */
const PRIVATE_UMASK = 0o077

/**
 * Runs a program: reads its settings, starts it, and stops it once on SIGTERM, SIGINT, SIGBREAK or
 * SIGHUP. A second signal ends it at once.
 */
export async function runProgram<T extends TObject>(
  given: { command: string; summary: string; table: T },
  start: (settings: Readonly<Static<T>>) => Promise<Program>,
): Promise<void> {
  const settings = settingsOrExit(given)
  // Files that this process and its children create are for their user only.
  process.umask(PRIVATE_UMASK)
  try {
    const app = await start(settings)
    stopOnSignal(given.command, app.stop.bind(app))
    notifyManager('READY=1')
    process.on('message', (message) => {
      if (message === PREPARE_TO_STOP) app.prepareToStop?.()
    })
  } catch (error) {
    const { name, code = '' } = error as Error & { code?: string }
    const noRoom = noRoomOf(error)
    if (noRoom) fail(given.command, noRoom.message, EXIT_TRY_AGAIN)
    if (EXPECTED.includes(name) || EXPECTED.includes(code)) fail(given.command, wordsOf(error))
    throw error
  }
}

function wordsOf(error: unknown): string {
  const { code, message, address, port } = error as NodeJS.ErrnoException & {
    address?: string
    port?: number
  }
  if (code === 'ENOTFOUND') return `${message}: the name cannot be resolved; check --host`
  if (code !== 'EADDRINUSE') return message
  return (
    `port ${port} of ${address} is in use by another process: stop that process, or start this one ` +
    'with another --port'
  )
}

function settingsOrExit<T extends TObject>(given: {
  command: string
  summary: string
  table: T
}): Readonly<Static<T>> {
  try {
    const settings = readSettings(given.table, { argv: process.argv.slice(2), env: process.env })
    if (typeof settings === 'object') {
      forgetSecrets(given.table)
      return settings
    }
    const asked = settings === 'help' ? help(given.command, given.summary, given.table) : VERSION
    process.stdout.write(`${asked.trimEnd()}\n`)
    return process.exit(0)
  } catch (error) {
    if (error instanceof SettingError) fail(given.command, error.message)
    throw error
  }
}

/** Removes secrets from the environment: no crash report contains them, and no child inherits them. */
function forgetSecrets(table: TObject): void {
  for (const [name, row] of Object.entries(table.properties as Record<string, object>)) {
    if ('secret' in row && row.secret) delete process.env[variableOf(name)]
  }
  if (process.report) process.report.excludeEnv = true
}

function fail(command: string, message: string, code = EXIT_USAGE): never {
  process.stderr.write(`${command}: ${plainLines(message)}\n`)
  process.exit(code)
}

/**
 * Stops the program once on a signal; a second signal exits at once. close-with-grace is not used: it would
 * stop gracefully after an uncaught exception, where the program must crash and recover; it handles SIGSEGV
 * and SIGBUS in JavaScript, but not SIGBREAK of Windows.
 */
function stopOnSignal(command: string, stop: (reason: string) => Promise<void>): void {
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGBREAK', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1)
      stopping = true
      notifyManager('STOPPING=1')
      stop(`received ${signal}`).then(
        () => process.exit(0),
        (error: Error) => fail(command, `could not stop cleanly: ${error.message}`),
      )
    })
  }
}

/** Whether a server that listens there can be reached from this machine only. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)

/**
 * Refuses to listen beyond this machine without authentication, and to disable authentication where
 * identities exist. `how` says how to get identities. Throws UsageError.
 */
export function assertSafeToListen(
  { host, insecureNoAuth }: { host: string; insecureNoAuth: boolean },
  isSecured: boolean,
  how: string,
): void {
  if (isSecured && insecureNoAuth) {
    throw new UsageError('--insecure-no-auth and identities exclude each other: remove one of them')
  }
  if (isSecured || insecureNoAuth || isLoopback(host)) return
  throw new UsageError(
    `--host ${host} is not loopback and there is no authentication: ${how}, listen on ` +
      '127.0.0.1, or give --insecure-no-auth if only trusted hosts reach this network',
  )
}
