// One launcher as the agent sees it: a child process with orders on its stdin and news on a pipe.

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createLineReader } from '../executor/channel.ts'
import type { Confinement } from './containment.ts'
import type { FromLauncher, LauncherSettings, Order, ToLauncher } from './order.ts'
import { HIDDEN, NEWS_FD } from './order.ts'

const MAIN = fileURLToPath(new URL('./launcher/main.ts', import.meta.url))
/** Node's own; programs are started with theirs. The young generation is small: it holds output in passing. */
const FLAGS = ['--no-warnings', '--max-semi-space-size=2']
/** News carry two tails, whose characters JSON may write as six. */
const NEWS_BYTES_EXTRA = 65_536
const STDERR_CHARACTERS = 1000
/** A launcher that is told to end kills its run and ends within this. In milliseconds. */
const END_MS = 2_000

export type LauncherProcess = ReturnType<typeof startLauncher>

type Events = {
  onNews(news: FromLauncher): void
  /** It is gone, after all its news. Called once. */
  onGone(how: string): void
}

/** Starts one with a folder of its own. Throws when no folder or process can be made. */
export function startLauncher(given: {
  folder: string
  settings: LauncherSettings
  confinement: Confinement
  events: Events
}) {
  const { folder, settings, confinement, events } = given
  makeFolder(folder, settings)
  const child = spawnLauncher(folder, settings, confinement.before)
  const gone = Promise.withResolvers<void>()
  let stderr = ''
  let failure = ''
  let isGone = false

  const bytesMax = 12 * settings.tailBytesMax + NEWS_BYTES_EXTRA
  const read = createLineReader(
    bytesMax,
    (line) => events.onNews(JSON.parse(line) as FromLauncher),
    () => child.kill('SIGKILL'),
  )
  const news = child.stdio[NEWS_FD] as Readable
  news.on('data', read)
  news.on('error', () => {})
  child.stdin?.on('error', () => {})
  child.stderr?.on('error', () => {})
  child.stderr?.on('data', (part: Buffer) => {
    stderr = (stderr + part.toString()).slice(-STDERR_CHARACTERS)
  })
  child.on('error', (error) => {
    failure = error.message
    if (child.pid === undefined) leave(null, null)
  })
  child.once('close', leave)

  function leave(code: number | null, signal: NodeJS.Signals | null): void {
    if (isGone) return
    isGone = true
    const how = failure || (signal ? `was ended by ${signal}` : `ended with exit code ${code}`)
    // The files of a run may be in its folder.
    events.onGone(`${how} ${stderr.trim()}`.trim())
    rmSync(folder, { recursive: true, force: true })
    gone.resolve()
  }

  return {
    folder,
    /** Resolves when all its processes have ended. */
    gone: gone.promise,
    order: (order: Order) => tell({ order }),
    stop: () => tell({ stop: true }),
    /** Ends it with its run, at once in a namespace. Resolves when it is gone. */
    async end(): Promise<void> {
      if (settings.containment === 'pid-namespace') child.kill('SIGKILL')
      else child.stdin?.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
      await gone.promise
      clearTimeout(timer)
    },
  }

  function tell(message: ToLauncher): void {
    child.stdin?.write(`${JSON.stringify(message)}\n`)
  }
}

function spawnLauncher(folder: string, settings: LauncherSettings, before: string[]): ChildProcess {
  const words = [...before, process.execPath, ...FLAGS, MAIN, JSON.stringify(settings)]
  const [command, ...args] = words
  return spawn(command as string, args, {
    cwd: folder,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    // Signals of a terminal are for the agent.
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
  })
}

/** Programs may write to these folders, and see no others of the agent. */
function makeFolder(folder: string, { owner }: LauncherSettings): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  if (owner) chmodSync(folder, 0o711)
  for (const [place] of HIDDEN) {
    mkdirSync(join(folder, place), { mode: 0o700 })
    if (owner) chownSync(join(folder, place), owner.uid, owner.gid)
  }
}
