// The processes of a chaos run and what may be done to them: start, kill -9, SIGSTOP, SIGCONT. A
// process that ends is started again. Owns the processes; the proxies between them are in net.ts.
//
//   member:  starting --> up <--> stopped (SIGSTOP)
//               ^          |          |
//               +--- down <+----------+   killed, or ended by itself (which is counted)

import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { EXIT_TRY_AGAIN } from '../../../shared/process/process.ts'
import type { Launched } from '../cluster/launch.ts'
import { launch, ROOT } from '../cluster/launch.ts'
import { childrenOf, commandLineOf } from '../cluster/proc.ts'
import type { Disk } from './places.ts'
import { TIE } from './places.ts'

const START_AGAIN_MS = 200
/** Of what a process wrote before it ended by itself the report shows this much. */
const STDERR_CHARACTERS = 2_000

export type Kill = { at: number; name: string; point: string }
export type Member = ReturnType<typeof createMember>

/** One process of the fleet, started again whenever it ends, until `end()`. */
export function createMember(given: {
  name: string
  program: 'master/main.ts' | 'slave/main.ts'
  args: string[]
  /** Words before the command, such as `ip netns exec NAME`. */
  prefix: string[]
  /** Where its standard error goes. */
  logFile: string
  /** Where its data is: while that is full, a start may end with EXIT_TRY_AGAIN. */
  disk: Disk
  onUp: (url: string) => void
  onDown: () => void
}) {
  const { name, program, args, prefix, logFile } = given
  const kills: Kill[] = []
  const unasked: string[] = []
  const startMs: number[] = []
  let launched: Launched | null = null
  let up = false
  let stopped = false
  let killed = false
  let ended = false
  let restMs = 0
  appendFileSync(logFile, '')

  return {
    name,
    kills,
    /** How it ended when nobody killed it. */
    unasked,
    /** From the start of the process until it listened. */
    startMs,
    start,
    get isUp() {
      return up && !stopped
    },
    get isStopped() {
      return stopped
    },
    /** kill -9, also of a stopped one. False when it is not up. It stays down for `downMs`. */
    kill(point: string, downMs: number): boolean {
      if (!up || !launched) return false
      kills.push({ at: Date.now(), name, point })
      restMs = downMs
      kill()
      return true
    },
    /** SIGSTOP for so long. False when it is not up, or stopped already. */
    async pause(ms: number): Promise<boolean> {
      if (!up || stopped || !launched) return false
      const paused = launched
      stopped = true
      paused.child.kill('SIGSTOP')
      await sleep(ms)
      if (paused === launched) stopped = false
      paused.child.kill('SIGCONT')
      return true
    },
    /** Its executors, by process id. */
    executors(): number[] {
      const pid = launched?.child.pid
      return pid && up ? childrenOf(pid).filter(isExecutor) : []
    },
    /** Stops it for good. */
    async end(signal: NodeJS.Signals, mostMs: number): Promise<void> {
      ended = true
      if (!((await launched?.end(signal, mostMs)) ?? true)) {
        unasked.push(`did not stop on ${signal} within ${mostMs} ms`)
      }
    },
    /** For the last moment of this process. */
    killNow: (): void => void launched?.child.kill('SIGKILL'),
  }

  function kill(): void {
    killed = true
    up = false
    given.onDown()
    launched?.child.kill('SIGKILL')
  }

  function start(): void {
    if (ended) return
    const command = [...TIE, ...prefix, process.execPath, ROOT + program, ...args]
    const started = (launched = launch(command, {
      onStderr: (text) => appendFileSync(logFile, text),
    }))
    killed = stopped = false
    const startedAt = performance.now()
    void started.listening.then(
      (url) => {
        if (killed || started !== launched) return
        up = true
        startMs.push(performance.now() - startedAt)
        given.onUp(url)
      },
      () => {},
    )
    started.child.once('exit', (code, signal) => {
      if (!killed && !ended) {
        const said = started.stderr().slice(-STDERR_CHARACTERS)
        const words = `${new Date().toISOString()} ended by itself: ${code ?? signal}: ${said}`
        const lacksRoom = code === EXIT_TRY_AGAIN && given.disk.wasFullSince(startedAt)
        if (!lacksRoom) unasked.push(words)
        appendFileSync(logFile, `${words}\n`)
        restMs = START_AGAIN_MS
        up = false
        given.onDown()
      }
      stopped = false
      if (!ended) setTimeout(start, restMs)
    })
  }
}

const isExecutor = (pid: number): boolean =>
  /executor\/(program\.ts|snapshot)/.test(commandLineOf(pid))
