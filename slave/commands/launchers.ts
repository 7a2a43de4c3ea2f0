// Runs commands: the queue of those that wait, and the launchers that run them. At most `size` run side by
// side; one launcher more than needed is kept ready.
//
//   run() --> queue --> launcher --> ended (onEnded, once)
//   kill(): dropped in the queue; stopped in a launcher, which is busy until its processes have ended

import type { RunEnded } from '../executor/executors.ts'
import type { FromLauncher, Order } from './order.ts'

/** What the pool needs of a launcher (launcher-process.ts). */
export type Launcher = {
  order(order: Order): void
  stop(): void
  gone: Promise<void>
  end(): Promise<void>
}
export type LauncherEvents = {
  onNews(news: FromLauncher): void
  onGone(how: string): void
}

/** A run that is prepared when a launcher is there for it. */
export type Job<L extends Launcher> = {
  attempt: string
  runLimitMs: number
  /** Throws when its folder is not there. */
  prepare(launcher: L): Order
  /** Takes its files back from the launcher. */
  release(launcher: L): void
}

type Member<L extends Launcher> = {
  launcher: L
  state: 'starting' | 'ready' | 'leaving'
  job: Job<L> | null
  /** The run was killed: its end is not reported, but this is resolved. */
  killed: PromiseWithResolvers<void> | null
  startedAt: number
  watch: NodeJS.Timeout | undefined
}

/** Launchers that do not get ready, one after the other, before a run fails for it. */
const FAILED_STARTS_MAX = 3
const RESTART_MS = 1_000
/** What a launcher may take longer than the limit and the grace of its run. In milliseconds. */
const LATE_MS = 30_000

export function createLaunchers<L extends Launcher>(given: {
  size: number
  graceMs: number
  start: (events: LauncherEvents) => L
  onEnded: (ended: RunEnded[]) => void
  onTrouble: (message: string) => void
}) {
  const members = new Set<Member<L>>()
  let queue: Job<L>[] = []
  let failedStarts = 0
  let restart: NodeJS.Timeout | undefined
  let closing: Promise<void> | undefined

  tend()

  return {
    run(job: Job<L>): void {
      if (closing) return
      queue.push(job)
      feed()
    },
    waits: (attempt: string): boolean => queue.some((job) => job.attempt === attempt),
    /** Resolves when no process of the run is left. */
    async kill(attempt: string): Promise<void> {
      queue = queue.filter((job) => job.attempt !== attempt)
      const member = [...members].find(({ job }) => job?.attempt === attempt)
      if (!member) return
      if (!member.killed) {
        member.killed = Promise.withResolvers()
        member.launcher.stop()
        clearTimeout(member.watch)
        watch(member, 0)
      }
      await member.killed.promise
    },
    close: (): Promise<void> => (closing ??= closeAll()),
  }

  async function closeAll(): Promise<void> {
    queue = []
    clearTimeout(restart)
    await Promise.all(
      [...members].map((member) => {
        clearTimeout(member.watch)
        return member.launcher.end()
      }),
    )
  }

  // ---- launchers

  /** Starts launchers until each run has one, and one is ready besides. */
  function tend(): void {
    if (closing || restart) return
    const busy = [...members].filter(({ job, state }) => job || state === 'leaving').length
    const wanted = Math.min(given.size, busy + queue.length + 1)
    while (members.size < wanted && !restart) add()
  }

  function add(): void {
    try {
      const member: Member<L> = {
        launcher: given.start({
          onNews: (news) => onNews(member, news),
          onGone: (how) => onGone(member, how),
        }),
        state: 'starting',
        job: null,
        killed: null,
        startedAt: 0,
        watch: undefined,
      }
      members.add(member)
    } catch (error) {
      startFailed((error as Error).message)
    }
  }

  function startFailed(how: string): void {
    given.onTrouble(`a launcher of programs did not start: ${how}`)
    failedStarts++
    const job = failedStarts < FAILED_STARTS_MAX ? undefined : queue.shift()
    if (job) end(job, crashed(`no launcher of programs starts: ${how}`), 0)
    restart ??= setTimeout(() => {
      restart = undefined
      tend()
    }, RESTART_MS)
  }

  function onNews(member: Member<L>, news: FromLauncher): void {
    if (news.is === 'ready') {
      failedStarts = 0
      member.state = 'ready'
      return feed()
    }
    const { job } = member
    if (job?.attempt !== news.attempt) return
    const ended: RunEnded = { attempt: job.attempt, outcome: news.outcome, ranMs: news.ranMs }
    const report = release(member)
    if (news.clean) {
      report(ended)
      return feed()
    }
    // Its namespace ends with it, and every process that is left.
    member.state = 'leaving'
    void member.launcher.end().then(() => report(ended))
  }

  function onGone(member: Member<L>, how: string): void {
    members.delete(member)
    if (closing) return
    if (member.state === 'starting') startFailed(how)
    else if (member.state === 'ready') {
      given.onTrouble(`a launcher of programs ${how}`)
      if (member.job) {
        const { attempt } = member.job
        const ranMs = performance.now() - member.startedAt
        release(member)({ attempt, outcome: crashed(`the launcher of the program ${how}`), ranMs })
      }
    }
    tend()
  }

  // ---- runs

  function feed(): void {
    for (const member of members) {
      if (queue.length === 0) break
      if (member.state === 'ready' && !member.job) start(member, queue.shift() as Job<L>)
    }
    tend()
  }

  function start(member: Member<L>, job: Job<L>): void {
    try {
      member.launcher.order(job.prepare(member.launcher))
    } catch (error) {
      return end(job, crashed(`its files failed: ${(error as Error).message}`), 0)
    }
    member.job = job
    member.startedAt = performance.now()
    watch(member, job.runLimitMs)
  }

  /** A launcher that does not end its run in time is ended. */
  function watch(member: Member<L>, limitMs: number): void {
    const late = Math.min(limitMs + given.graceMs + LATE_MS, 2 ** 31 - 1)
    member.watch = setTimeout(() => {
      given.onTrouble('a launcher did not end its program in time and was ended')
      void member.launcher.end()
    }, late)
  }

  /** Takes the files of a run back. Returns what reports its end, once. */
  function release(member: Member<L>): (ended: RunEnded) => void {
    const { job, killed } = member
    clearTimeout(member.watch)
    member.job = null
    member.killed = null
    job?.release(member.launcher)
    return (ended) => {
      if (killed) killed.resolve()
      else if (!closing) given.onEnded([ended])
    }
  }

  function end(job: Job<L>, outcome: RunEnded['outcome'], ranMs: number): void {
    // Not within run().
    queueMicrotask(() => given.onEnded([{ attempt: job.attempt, outcome, ranMs }]))
  }
}

const crashed = (message: string): RunEnded['outcome'] => ({
  status: 'failed',
  type: 'executor-crashed',
  message,
})
