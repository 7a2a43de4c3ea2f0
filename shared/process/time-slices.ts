// Long work of a process that answers requests: parsing a long body, planning a stage of a job, taking
// in what a part gave, combining. It is queued in pieces and done in slices, one for each turn of the
// event loop. However much there is to do, the event loop is held no longer than a slice and the
// longest single piece of work.

import type { Clock } from '../data/clock.ts'

/** A slice takes in further pieces of work until it has taken this long. In milliseconds. */
const SLICE_MS = 5

export type Slices = ReturnType<typeof createSlices>

export function createSlices(clock: Clock) {
  /** What has come since the slice before. */
  let queue: (() => void)[] = []
  let planned = false

  return {
    /** Does a piece of work in its turn: first come, first served. */
    run<T>(work: () => T): Promise<Awaited<T>> {
      return new Promise((resolve, reject) => {
        queue.push(() => {
          try {
            resolve(work() as Awaited<T>)
          } catch (error) {
            reject(error as Error)
          }
        })
        plan()
      })
    },
  }

  function plan(): void {
    if (planned) return
    planned = true
    clock.soon(slice)
  }

  function slice(): void {
    planned = false
    const now = queue
    const until = clock.now() + SLICE_MS
    queue = []
    let done = 0
    do now[done++]?.()
    while (done < now.length && clock.now() < until)
    if (done < now.length) queue = now.slice(done).concat(queue)
    if (queue.length > 0) plan()
  }
}
