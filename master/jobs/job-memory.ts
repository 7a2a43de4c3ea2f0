// The memory budget of all live jobs together. A job takes room before it starts, and before each outcome
// of its parts is kept; without room it waits until other jobs have ended. The oldest started job never
// waits, so one job can always end; --job-bytes-max limits what that job may take.
//
//   take --room, or the oldest job--> counted --leave--> free for the waiting jobs, oldest first

/** A waiting job. `resolve` is called in its turn: with false when the job has left before. */
type Waiting = { job: string; bytes: number; resolve: (taken: boolean) => void }

export type JobMemory = ReturnType<typeof createJobMemory>

/** Ids of jobs sort by time: the lowest is the oldest. */
export function createJobMemory(bytesMax: number) {
  const held = new Map<string, number>()
  let total = 0
  let waiting: Waiting[] = []
  let oldest: string | null = null

  return {
    /** Takes room now: false when there is none. */
    tryTake,

    /** Resolves when the room is taken; with false when the job has left before. */
    take(job: string, bytes: number): Promise<boolean> {
      if (tryTake(job, bytes)) return Promise.resolve(true)
      return new Promise((resolve) => {
        waiting.push({ job, bytes, resolve })
      })
    },

    /** Corrects what a job holds. */
    set(job: string, bytes: number): void {
      if (!held.has(job)) return
      const before = held.get(job) ?? 0
      held.set(job, bytes)
      total += bytes - before
      if (bytes < before) serve()
    },

    /** The job has ended. */
    leave(job: string): void {
      total -= held.get(job) ?? 0
      held.delete(job)
      if (job === oldest) oldest = lowest()
      const gone = waiting.filter((each) => each.job === job)
      if (gone.length > 0) waiting = waiting.filter((each) => each.job !== job)
      for (const { resolve } of gone) resolve(false)
      serve()
    },

    /** What all jobs hold. In bytes. */
    get bytes() {
      return total
    },
  }

  function tryTake(job: string, bytes: number): boolean {
    // The first job to start never waits: otherwise none would start.
    const mayWait = oldest !== null && job > oldest
    if (mayWait && total + bytes > bytesMax) return false
    held.set(job, (held.get(job) ?? 0) + bytes)
    total += bytes
    if (!mayWait) oldest = job
    return true
  }

  function lowest(): string | null {
    let found: string | null = null
    for (const job of held.keys()) if (found === null || job < found) found = job
    return found
  }

  function serve(): void {
    if (waiting.length === 0) return
    const asking = waiting.sort((a, b) => (a.job < b.job ? -1 : a.job > b.job ? 1 : 0))
    waiting = []
    for (const each of asking) {
      if (tryTake(each.job, each.bytes)) each.resolve(true)
      else waiting.push(each)
    }
  }
}
