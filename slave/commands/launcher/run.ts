// One run of a program: starts it in a session of its own, watches its limits, and ends all its processes
// when the program has ended, whatever they do.
//
//   started --exit--> all killed --streams closed (or CLOSE_MS)--> ended
//      '--limit, stop--> SIGTERM --grace--> SIGKILL --exit--> ...

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import type { CommandResult } from '../../../shared/kinds/command.ts'
import type { FailureType, Outcome } from '../../../shared/protocol/wire.ts'
import type { LauncherSettings, Order } from '../order.ts'
import { HIDDEN, PRINTED } from '../order.ts'
import { diskUse } from './disk.ts'
import { readOutput } from './output.ts'
import type { Use } from './processes.ts'
import { cpuOfEnded, idsOfRun, useOf } from './processes.ts'

/** After its end a program's streams are read for this long, if they do not end. In milliseconds. */
const CLOSE_MS = 1_000
/** When the first samples of a run are taken, and the interval of the later ones. In milliseconds. */
const SAMPLES_MS = [20, 60, 150]
const SAMPLE_MS = 250
/** Taking samples uses at most this share of the time. */
const SAMPLE_SHARE = 0.05
const DISK_MS = 1_000
/** How prlimit says that it could not start the program. */
const NOT_STARTED = /^prlimit: failed to execute .*\n?$/

type Failure = { type: FailureType; message: string }

export type Run = ReturnType<typeof startRun>

/** `onEnded` is called once. */
export function startRun(given: {
  order: Order
  settings: LauncherSettings
  onEnded: (outcome: Outcome, ranMs: number) => void
}) {
  const { order, settings } = given
  const { limits } = settings
  // Only the first process of a namespace may signal all others: elsewhere they are those of the machine.
  const isAlone = settings.containment === 'pid-namespace' && process.pid === 1
  const startedAt = performance.now()
  const cpuBefore = cpuOfEnded()
  let most: Pick<Use, 'cpuMs' | 'rssBytesMax'> | null = null
  let failure: Failure | undefined
  let ended = false
  const timers = new Set<NodeJS.Timeout>()

  const spawned = spawnProgram(order, settings)
  if (spawned instanceof Error) {
    queueMicrotask(() => finish(startFailure(order.name, spawned)))
    return { stop: () => {}, killAll: () => {} }
  }
  const child = spawned
  // One that was not started has no exit.
  child.once('error', (error) => {
    if (child.pid === undefined) finish(startFailure(order.name, error))
  })
  const stdout = outputOf(child.stdout, 'stdout')
  const stderr = outputOf(child.stderr, 'stderr')
  const streams = [stdout, stderr]
  child.stdin?.on('error', () => {})
  child.stdin?.end(order.stdin)
  child.once('exit', (code, signal) => void onExit(code, signal))
  after(order.runLimitMs, () => {
    stop({ type: 'time-limit', message: `exceeded its limit of ${order.runLimitMs} ms` })
  })
  sampleAfter(0)
  after(DISK_MS, () => void watchDisk())

  return {
    /** Ends it without a failure of its own: SIGTERM, then SIGKILL after the grace. */
    stop: () => stop({ type: 'executor-crashed', message: 'was stopped' }),
    killAll,
  }

  function outputOf(stream: Readable | null, name: 'stdout' | 'stderr') {
    return readOutput({
      // There is none when the machine has no more pipes: then the start fails, too.
      stream: stream ?? Readable.from([]),
      file: order.keep[name] ? PRINTED[name] : null,
      tailBytesMax: settings.tailBytesMax,
      onError: (error) => {
        kill({ type: 'executor-crashed', message: `its ${name} cannot be kept: ${error.message}` })
      },
    })
  }

  // ---- its end

  /** The first failure counts. */
  function stop(why: Failure): void {
    if (failure) return
    failure = why
    signalGroup('SIGTERM')
    after(settings.graceMs, killAll)
  }

  function kill(why: Failure): void {
    failure ??= why
    killAll()
  }

  function killAll(): void {
    if (isAlone) return send(-1, 'SIGKILL')
    if (child.pid === undefined) return
    signalGroup('SIGKILL')
    // Until none is found: one may fork while the others are killed.
    for (let tries = 0; tries < 10; tries++) {
      const ids = idsOfRun(child.pid, order.attempt)
      if (ids.length === 0) return
      for (const id of ids) send(Number(id), 'SIGKILL')
    }
  }

  function signalGroup(signal: NodeJS.Signals): void {
    if (child.pid !== undefined) send(-child.pid, signal)
  }

  async function onExit(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    const ranMs = performance.now() - startedAt
    killAll()
    const late = new Promise<void>((resolve) => after(CLOSE_MS, resolve))
    await Promise.race([Promise.all(streams.map((stream) => stream.ended)), late])
    await Promise.all(streams.map((stream) => stream.close()))
    if (!failure) await checkDisk()
    const result = resultOf(code, signal, ranMs)
    finish(outcomeOf(order.name, result, failure, limits.diskBytesMax), ranMs)
  }

  function finish(outcome: Outcome, ranMs = 0): void {
    if (ended) return
    ended = true
    for (const timer of timers) clearTimeout(timer)
    given.onEnded(outcome, ranMs)
  }

  function resultOf(exitCode: number | null, signal: string | null, ranMs: number): CommandResult {
    const now = cpuOfEnded()
    const ofEnded = now === null || cpuBefore === null ? null : now - cpuBefore
    return {
      exitCode,
      signal,
      stdout: stdout.tail.text(),
      stderr: stderr.tail.text(),
      stdoutBytes: stdout.tail.bytes,
      stderrBytes: stderr.tail.bytes,
      ranMs: Math.round(ranMs * 1000) / 1000,
      cpuMs: ofEnded === null ? null : Math.max(ofEnded, most?.cpuMs ?? 0),
      rssBytesMax: most?.rssBytesMax || null,
    }
  }

  // ---- its limits

  function sampleAfter(n: number): void {
    const pause =
      n === 0 ? (SAMPLES_MS[0] as number) : (SAMPLES_MS[n] ?? 0) - (SAMPLES_MS[n - 1] ?? 0)
    after(SAMPLES_MS[n] === undefined ? SAMPLE_MS : pause, () => sample(n))
  }

  function sample(n: number): void {
    const before = performance.now()
    const use = useOf(isAlone ? undefined : idsOfRun(child.pid as number, order.attempt))
    if (use) judge(use)
    const restMs = (performance.now() - before) / SAMPLE_SHARE
    if (restMs > SAMPLE_MS) after(restMs, () => sample(n + 1))
    else sampleAfter(n + 1)
  }

  function judge(use: Use): void {
    most = {
      cpuMs: Math.max(use.cpuMs, most?.cpuMs ?? 0),
      rssBytesMax: Math.max(use.rssBytesMax, most?.rssBytesMax ?? 0),
    }
    const { memoryBytesMax, processesMax } = limits
    if (use.rssBytes > memoryBytesMax) {
      kill({ type: 'memory-limit', message: `exceeded its limit of ${memoryBytesMax} bytes` })
    } else if (use.threads > processesMax) {
      kill({ type: 'memory-limit', message: `exceeded its limit of ${processesMax} processes` })
    }
  }

  async function watchDisk(): Promise<void> {
    const before = performance.now()
    await checkDisk()
    after(Math.max(DISK_MS, (performance.now() - before) / SAMPLE_SHARE), () => void watchDisk())
  }

  async function checkDisk(): Promise<void> {
    const { diskBytesMax } = limits
    const places = [order.folder, ...HIDDEN.map(([place]) => place), ...Object.values(PRINTED)]
    if ((await diskUse(places, diskBytesMax)) > diskBytesMax) kill(diskFailure(diskBytesMax))
  }

  function after(ms: number, act: () => void): void {
    if (ended) return
    const timer = setTimeout(
      () => {
        timers.delete(timer)
        act()
      },
      Math.min(ms, 2 ** 31 - 1),
    )
    timers.add(timer)
  }
}

/** Starts it: prlimit sets its limits and becomes the program. */
function spawnProgram(order: Order, settings: LauncherSettings): ChildProcess | Error {
  const { memoryBytesMax, userProcessesMax, diskBytesMax } = settings.limits
  const limits =
    settings.prlimit === null
      ? []
      : [
          settings.prlimit,
          // Not the address space: Node, Java and Go reserve far more of it than they use.
          `--data=${memoryBytesMax}`,
          `--nproc=${userProcessesMax}`,
          `--fsize=${diskBytesMax}`,
          '--core=0',
          '--',
        ]
  const [command, ...args] = [...limits, order.path, ...order.args]
  try {
    return spawn(command as string, args, {
      cwd: order.folder,
      env: order.env,
      detached: true,
      stdio: [order.stdin === '' ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...settings.owner,
    })
  } catch (error) {
    return error as Error
  }
}

function startFailure(name: string, error: NodeJS.ErrnoException): Outcome {
  if (error.code === 'E2BIG') {
    const message = 'its arguments and variables are longer than this system allows'
    return { status: 'failed', type: 'rejected-input', message }
  }
  // Node's own words repeat the value, which may be a secret variable.
  if (error.code?.startsWith('ERR_')) {
    const message = 'an argument or variable has a NUL character'
    return { status: 'failed', type: 'rejected-input', message }
  }
  // The machine has no process to give: another one may.
  const type =
    error.code === 'EAGAIN' || error.code === 'ENOMEM' ? 'executor-crashed' : 'program-missing'
  return { status: 'failed', type, message: `${name} could not be started: ${error.message}` }
}

const diskFailure = (bytesMax: number): Failure => ({
  type: 'disk-limit',
  message: `its files exceeded the limit of ${bytesMax} bytes, or lay too deep`,
})

function outcomeOf(
  name: string,
  result: CommandResult,
  failure: Failure | undefined,
  diskBytesMax: number,
): Outcome {
  const { exitCode, signal, stderr, stdoutBytes } = result
  if (failure) return { status: 'failed', ...failure, exitCode, signal, result }
  if (exitCode === 0) return { status: 'done', result }
  const isNotStarted = (exitCode === 126 || exitCode === 127) && stdoutBytes === 0
  if (isNotStarted && NOT_STARTED.test(stderr)) {
    const message = `${name} could not be started: ${stderr.trim().slice(0, 1000)}`
    return { status: 'failed', type: 'program-missing', message }
  }
  if (signal === 'SIGXFSZ') {
    return { status: 'failed', ...diskFailure(diskBytesMax), exitCode, signal, result }
  }
  const how = signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`
  return {
    status: 'failed',
    type: 'exit-code',
    message: `${name} ${how}`,
    exitCode,
    signal,
    result,
  }
}

/** A process that has ended meanwhile is none to signal. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {}
}
