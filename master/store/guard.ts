// Checks every access to a store's files and stops the store when a page is damaged, or when a file was
// removed, renamed or replaced while it was in use. After that, no answer of the store can be trusted:
// neither "there is no such task" nor "it is saved".
//
//   in use --(a damaged page, a file that is gone: broken)------> stopped: every call fails with the reason,
//          --(an error of the disk while writing: stop)---------> and nothing is read or written
//
// Must not know what is stored.

import { createPresence } from '../../shared/process/file-presence.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import { isDamage } from '../../shared/sqlite/errors.ts'
import { damaged } from './sqlite-open.ts'

/** Interval between two checks of the files: when idle, and at least under load. In milliseconds. */
const LOOK_MS = 1_000
const LOOK_MS_MIN = 100

/** The store is damaged or gone: an operator must act. The message says what to do. */
export class StoreBrokenError extends Problem {
  override name = 'StoreBrokenError'
  constructor(message: string, cause?: unknown) {
    super('store-broken', message)
    this.cause = cause
  }
}

export type Guard = ReturnType<typeof createGuard>

/** A guard for the SQLite file at `path`, which is open. `onBroken` is called once at most. */
export function createGuard(path: string, onBroken: (error: StoreBrokenError) => void = () => {}) {
  let stopped: Error | undefined
  const presence = createPresence([])
  let lookedAt = Number.NEGATIVE_INFINITY

  return {
    /** From now on these files must stay in place: by default the file and its log. */
    watch(paths: string[] = [path, `${path}-wal`]): void {
      if (path !== ':memory:') for (const each of paths) presence.add(each)
    },

    get stopped() {
      return stopped
    },

    /** Nothing is read or written any more. */
    stop,

    /** Throws when the store has stopped. */
    check(): void {
      if (stopped) throw stopped
    },

    /** Runs an access to the files; its errors go through `judge`. */
    run<T>(access: () => T): T {
      if (stopped) throw stopped
      try {
        return access()
      } catch (error) {
        throw judge(error)
      }
    },

    judge,
    look,

    /** The same, at most once in LOOK_MS_MIN: for every commit. */
    lookNow: (): Error | undefined =>
      performance.now() - lookedAt < LOOK_MS_MIN ? stopped : look(),
  }

  /** Stops the store when a file is gone. Returns why the store has stopped, if it has. */
  function look(): Error | undefined {
    lookedAt = performance.now()
    const change = stopped ? null : presence.change()
    if (change) {
      const what = `${change} while the master ran; writing has stopped`
      const how = `put it back (${path} with ${path}-wal), or restore the folder from a copy`
      fail(new StoreBrokenError(`${what}: ${how}, and start the master again`))
    }
    return stopped
  }

  /** The error to throw to the caller. A damaged page stops the store. */
  function judge(error: unknown): unknown {
    if (stopped) return stopped
    if (!isDamage(error)) return error
    return fail(new StoreBrokenError(damaged(path, (error as Error).message), error))
  }

  function fail(error: StoreBrokenError): Error {
    if (stopped) return stopped
    stopped = error
    onBroken(error)
    return error
  }

  function stop(error: Error): void {
    stopped ??= error
  }
}

/** Checks the files of these guards at intervals, until closed. */
export function watchGuards(guards: readonly Pick<Guard, 'look'>[]) {
  const timer = setInterval(() => {
    for (const guard of guards) guard.look()
  }, LOOK_MS)
  // The timer does not keep the process alive.
  timer.unref()
  return { close: (): void => clearInterval(timer) }
}
