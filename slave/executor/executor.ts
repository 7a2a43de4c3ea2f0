// One child process as the pool sees it. Owns its pipes, its mark and the tail of its stderr. Must not know
// runs, limits or the queue: it reports, and the pool decides.
//
//   starting --ready--> ready            any --garbage--> garbage (reported once, then ignored)
//   any --kill()--> killed (ignored)        any --exit, pipes drained--> gone

import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { clockOffset, createLineReader, MARK_BYTES, OUTCOMES_FD, READY } from './channel.ts'
import { confine } from './confine.ts'
import type { End } from './ends.ts'
import { parseEnds } from './ends.ts'
import type { ChildProgram } from './spawn.ts'
import { spawnChild } from './spawn.ts'

const STDERR_TAIL_CHARACTERS = 4096

/** How a child ended that the pool did not kill. */
export type Death = { how: string; stderr: string; outOfMemory: boolean }

/** A run's number, and when it started. */
type Begun = { n: number; at: number }
const NOTHING_BEGUN: Begun = { n: 0, at: 0 }

type ExecutorEvents = {
  onReady(): void
  onEnds(ends: End[]): void
  /** It wrote what no child writes; its events end here. Kill it. */
  onGarbage(): void
  /** It ended, after all its output was read. Not called after kill(). */
  onDeath(death: Death): void
}

type ExecutorOptions = Omit<ChildProgram, 'markFd'> & {
  lineBytesMax: number
  /** What confines it when it is ready, from findPrlimit(). */
  prlimit: string | undefined
}

export type Executor = ReturnType<typeof createExecutor>

/** Starts a child process. Throws when no temporary file or no process can be made. */
export function createExecutor(options: ExecutorOptions, events: ExecutorEvents) {
  const markFd = openMark()
  const child = spawnOrClose(options, markFd)
  const outcomes = child.stdio[OUTCOMES_FD] as Readable | undefined
  const mark = Buffer.alloc(MARK_BYTES)
  let stderr = ''
  let failure = ''
  let isReady = false
  let isDeaf = false
  let isClosed = false
  let lastBegun = NOTHING_BEGUN
  const offset = clockOffset()
  const closed = Promise.withResolvers<void>()

  const read = createLineReader(options.lineBytesMax, onLine, onGarbage)
  outcomes?.on('data', (chunk: Buffer) => {
    if (!isDeaf) read(chunk)
  })
  outcomes?.on('error', () => {})
  child.stdin?.on('error', () => {})
  child.stderr?.on('error', () => {})
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-STDERR_TAIL_CHARACTERS)
  })
  child.on('error', (error) => {
    failure = error.message
    // A child that could not be started emits no 'close'.
    if (child.pid === undefined) onClose(null, null)
  })
  child.once('close', onClose)

  function onLine(line: string) {
    if (isDeaf) return
    if (line === READY && !isReady) {
      isReady = true
      void admit()
      return
    }
    const ends = isReady ? parseEnds(line) : undefined
    if (ends) events.onEnds(ends)
    else onGarbage()
  }

  /** A child is ready when it is confined; one that cannot be confined is killed. */
  async function admit() {
    try {
      if (options.prlimit) await confine(options.prlimit, child.pid!)
    } catch (error) {
      failure ||= (error as Error).message
      child.kill('SIGKILL')
      return
    }
    if (!isDeaf) events.onReady()
  }

  function onGarbage() {
    if (isDeaf) return
    isDeaf = true
    events.onGarbage()
  }

  /** The run that it started last, and when, by our monotonic clock; number 0 before the first. */
  function begun(): Begun {
    if (isClosed) return lastBegun
    if (readSync(markFd, mark, 0, MARK_BYTES, 0) < MARK_BYTES) return NOTHING_BEGUN
    return { n: mark.readUInt32LE(), at: mark.readDoubleLE(4) - offset }
  }

  function onClose(code: number | null, signal: NodeJS.Signals | null) {
    if (isClosed) return
    lastBegun = begun()
    isClosed = true
    closeSync(markFd)
    closed.resolve()
    if (isDeaf) return
    isDeaf = true
    events.onDeath({
      how: failure || (signal ? `was ended by ${signal}` : `ended with exit code ${code}`),
      stderr,
      outOfMemory: /out of memory|Allocation failed/i.test(stderr),
    })
  }

  return {
    pid: child.pid,
    /** Resolves when the process is gone and its files are closed. */
    closed: closed.promise,
    send(line: string) {
      child.stdin?.write(line)
    },
    begun,
    /** Its resident memory in MB; 0 where that cannot be read. */
    residentMb(): number {
      if (process.platform !== 'linux') return 0
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'latin1')
        return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024
      } catch {
        return 0
      }
    },
    /** Sends SIGKILL. Its events end here. Idempotent. */
    kill() {
      isDeaf = true
      child.kill('SIGKILL')
    },
  }
}

function spawnOrClose(options: ExecutorOptions, markFd: number) {
  try {
    return spawnChild({ ...options, markFd })
  } catch (error) {
    closeSync(markFd)
    throw error
  }
}

/** An open file without a name, in memory where possible. */
function openMark(): number {
  for (const folder of ['/dev/shm', tmpdir()]) {
    const path = join(folder, `askfirst-${randomUUID()}`)
    try {
      const fd = openSync(path, 'wx+', 0o600)
      unlinkSync(path)
      return fd
    } catch (error) {
      if (folder !== '/dev/shm') throw error
    }
  }
  throw new Error('unreachable')
}
