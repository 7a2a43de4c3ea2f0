// The kind `command`: runs the programs that the operator of this slave allows, without a shell. Owns what
// is allowed, as whom programs run and how surely they end; launchers.ts runs them. Must not know offers'
// other files, masters or HTTP.

import { execFileSync } from 'node:child_process'
import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Raw } from '../../shared/data/raw-json.ts'
import type { CommandInput } from '../../shared/kinds/command.ts'
import type { Logger } from '../../shared/process/log.ts'
import { UsageError } from '../../shared/process/usage-error.ts'
import type { Commands, Offer } from '../../shared/protocol/wire.ts'
import type { Executors, Run, RunEnded } from '../executor/executors.ts'
import type { Confinement } from './containment.ts'
import { findConfinement } from './containment.ts'
import { variablesOf } from './environment.ts'
import type { LauncherProcess } from './launcher-process.ts'
import { startLauncher } from './launcher-process.ts'
import type { Job } from './launchers.ts'
import { createLaunchers } from './launchers.ts'
import type { LauncherSettings, Order } from './order.ts'
import { HIDDEN, PRINTED, TMP, WORK } from './order.ts'
import { createPrograms, parseAllowed } from './programs.ts'

const KIND = 'command'
const TAIL_BYTES_MAX = 65_536
/** Processes of the user that are none of a run: of the launcher; without a namespace, all of the user's. */
const OTHER_PROCESSES = { 'pid-namespace': 64, 'process-group': 4096 }
const PATH = '/usr/local/bin:/usr/bin:/bin'

/** A run of a program. */
export type CommandRun = Run & {
  task: string
  input: CommandInput
  secretEnv: Record<string, string>
  /** The program's working directory and HOME, on the disk of `root`; its input files stand in it. */
  folder: string
  /** Files beside the folder that get all that it prints; null: not wanted. */
  streams: { stdout: string | null; stderr: string | null }
}

/** The promise of `kill` resolves when no process of the run is left. */
export type CommandExecutors = Omit<Executors<CommandRun>, 'kill'> & {
  kill(attempt: string): Promise<void>
}

export type CommandSettings = {
  commands: string[]
  commandsUser?: string
  killGraceMs: number
  commandMemoryBytesMax: number
  commandProcessesMax: number
  commandDiskBytesMax: number
  executors: number
  resultBytesMax: number
}

export type CommandExecution = ReturnType<typeof createCommands>

/** `root` is emptied, and must be on the disk of the runs' folders. Throws UsageError. */
export function createCommands(given: {
  settings: CommandSettings
  root: string
  log: Logger
  /** What works here; for tests. Default: found out by trying. */
  confinement?: Confinement
}) {
  const { settings, root, log, confinement = findConfinement() } = given
  const owner = ownerOf(settings.commandsUser)
  const allowed = parseAllowed(settings.commands)
  const programs = createPrograms(allowed, process.env.PATH ?? PATH)
  const { containment } = confinement
  if (confinement.hidden && allowed !== 'any') refuseHidden(allowed.values())
  for (const missing of confinement.missing) log.warn(`commands: this machine has no ${missing}`)
  log.info({ programs: programs.names, containment }, 'runs programs')
  rmSync(root, { recursive: true, force: true })
  mkdirSync(root, { recursive: true })
  chmodSync(root, owner && !confinement.hidden ? 0o711 : 0o700)

  return {
    /** Starts the launchers. */
    executors,
    /** For the card. */
    commands: { programs: programs.names, containment } satisfies Commands,
    /** Whom the folders of runs must belong to; null: the agent itself. */
    owner,
    /** Programs do not see the folders of the agent; without it they reach theirs by its path. */
    hidden: confinement.hidden,
    /** Why this slave cannot run the offer's program, in words for people; null when it can. */
    unable(offer: Offer): string | null {
      if (offer.kind !== KIND) return null
      const found = programs.find(inputOf(offer).program)
      return 'unable' in found ? found.unable : null
    },
  }

  function executors(onEnded: (ended: RunEnded[]) => void): CommandExecutors {
    const launcherSettings = launcherSettingsOf(settings, confinement, owner)
    let count = 0
    const launchers = createLaunchers<LauncherProcess>({
      size: settings.executors,
      graceMs: settings.killGraceMs,
      onEnded,
      onTrouble: (message) => log.error(message),
      start: (events) =>
        startLauncher({
          folder: join(root, String(++count)),
          settings: launcherSettings,
          confinement,
          events,
        }),
    })
    return {
      ...launchers,
      run(run) {
        const found = programs.find(run.input.program)
        if ('path' in found) return launchers.run(jobOf(run, found.path))
        // It was installed when the offer was taken, or the slave polls and was not asked.
        const outcome = {
          status: 'failed',
          type: 'program-missing',
          message: found.unable,
        } as const
        queueMicrotask(() => onEnded([{ attempt: run.attempt, outcome, ranMs: 0 }]))
      },
    }
  }

  function jobOf(run: CommandRun, path: string): Job<LauncherProcess> {
    const { attempt, runLimitMs, folder, streams } = run
    return {
      attempt,
      runLimitMs,
      prepare({ folder: launcher }): Order {
        if (confinement.hidden) renameSync(folder, join(launcher, TMP, WORK))
        return orderOf(run, path, launcher)
      },
      release({ folder: launcher }): void {
        if (confinement.hidden) takeBack(join(launcher, TMP, WORK), folder)
        for (const name of ['stdout', 'stderr'] as const) {
          const file = streams[name]
          if (file !== null) takeBack(join(launcher, PRINTED[name]), file)
        }
        makeFolder(folder)
      },
    }
  }

  function orderOf(run: CommandRun, path: string, launcher: string): Order {
    const { attempt, task, input, secretEnv, runLimitMs, streams } = run
    const home = confinement.hidden ? join('/tmp', WORK) : run.folder
    const temporary = confinement.hidden ? '/tmp' : join(launcher, TMP)
    const lang = process.env.LANG ?? 'C.UTF-8'
    return {
      attempt,
      name: input.program,
      path,
      args: input.args ?? [],
      stdin: input.stdin ?? '',
      env: variablesOf({
        task,
        attempt,
        path: programs.path,
        lang,
        home,
        temporary,
        input,
        secretEnv,
      }),
      folder: home,
      keep: { stdout: streams.stdout !== null, stderr: streams.stderr !== null },
      runLimitMs,
    }
  }
}

/** The agent passes inputs on as text. */
const inputOf = ({ input }: Offer): CommandInput =>
  (input instanceof Raw ? input.value : input) as CommandInput

function launcherSettingsOf(
  settings: CommandSettings,
  { containment, hidden, prlimit }: Confinement,
  owner: LauncherSettings['owner'],
): LauncherSettings {
  const { commandProcessesMax: processesMax, executors } = settings
  return {
    containment,
    hidden,
    owner,
    prlimit,
    graceMs: settings.killGraceMs,
    // A result with two tails must fit, although JSON may need six bytes for one.
    tailBytesMax: Math.min(TAIL_BYTES_MAX, settings.resultBytesMax >> 4),
    limits: {
      memoryBytesMax: settings.commandMemoryBytesMax,
      diskBytesMax: settings.commandDiskBytesMax,
      processesMax,
      userProcessesMax: processesMax * executors + OTHER_PROCESSES[containment],
    },
  }
}

/** The user that programs run as. Throws UsageError. */
function ownerOf(user: string | undefined): LauncherSettings['owner'] {
  const isRoot = process.getuid?.() === 0
  if (user === undefined) {
    if (!isRoot) return null
    throw new UsageError(
      'a slave that runs as root needs --commands-user with --commands: the user that programs run as',
    )
  }
  if (!isRoot) throw new UsageError('--commands-user needs a slave that runs as root')
  const id = (flag: string): number => {
    try {
      return Number(execFileSync('id', [flag, '--', user], { encoding: 'utf8', stdio: 'pipe' }))
    } catch {
      throw new UsageError(`--commands-user cannot be ${user}: there is no such user`)
    }
  }
  const [uid, gid] = [id('-u'), id('-g')]
  if (uid === 0) throw new UsageError('--commands-user must not be root')
  return { uid, gid }
}

/** A program in a folder that programs see their own in place of. Throws UsageError. */
function refuseHidden(paths: Iterable<string | null>): void {
  for (const path of paths) {
    const folder = HIDDEN.map(([, place]) => place).find((place) => path?.startsWith(`${place}/`))
    if (folder !== undefined) {
      throw new UsageError(
        `--commands cannot have ${path}: every run has a ${folder} of its own; put the program elsewhere`,
      )
    }
  }
}

/** Moves a file or folder of a run. The run may have removed it. */
function takeBack(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch {
    remove(from)
  }
}

/** What delivers the files of a run finds a folder. */
function makeFolder(folder: string): void {
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  remove(folder)
  mkdirSync(folder)
}

/** What cannot be removed now is removed by the next start. */
function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {}
}
