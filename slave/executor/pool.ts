// The pool of child processes that compute runs. Owns the line, who computes what, the limits of
// time and memory, and the children's replacement. Must not know slots, masters or HTTP.
//
// A run is in exactly one place:
//
//   run() --> line --fed--> down the pipe of one member --> ended (onEnded, once)
//              ^                  |
//              +--- taken back: it had not begun when its member died, hung or was killed
//   kill(): forgotten, wherever it is
//
// A member is one child:
//
//   starting --ready--> serving (the first `size` that are ready) --worn out--> leaving --> gone
//                       spare (ready, and enough others serve)
//   any --> gone, and a new one starts at once; after a death at start-up with a growing pause
//
// Who is the head, the run that its member computes now? The first down the pipe, unless several
// are: then outcomes may not have been flushed, and the child's mark says (channel.ts).

import assert from 'node:assert'
import { encode as encodeFrames, Raw, unfitNumber, unfitRule } from '../../shared/data/raw-json.ts'
import type { FailureType } from '../../shared/protocol/wire.ts'
import type { EndFrame, RunFrame } from './channel.ts'
import { NO_RUN } from './channel.ts'
import type { ChildSettings } from './child.ts'
import { findPrlimit } from './confine.ts'
import type { Death, Executor } from './executor.ts'
import { createExecutor } from './executor.ts'
import type { Executors, Run, RunEnded } from './executors.ts'
import { createLine } from './line.ts'
import { createRestart } from './restart.ts'
import type { Folders } from './spawn.ts'
import { findTie } from './spawn.ts'
import { createWatch } from './watch.ts'

export type PoolOptions = {
  /** Executors: how many runs are computed side by side. */
  size: number
  /** Names of the kinds that can be run. */
  kinds: string[]
  /** Gets the runs that ended, as lists, as they come. Never called within run(). */
  onEnded: (ended: RunEnded[]) => void
  /** Gets a sentence for the log about a child that died or did not start. */
  onTrouble?: (message: string) => void
  /** No child gets ready, again and again; or one is, after that. */
  onAble?: (able: boolean) => void
  /** Ready children beyond `size`, which step in when one is killed. Default 1. */
  spares?: number
  /** Folders that the children may read and write, for kinds that work on files. Default none. */
  folders?: Folders
  /** Whether the kernel confines the others, where it can; false is for tests. Default true. */
  confined?: boolean
  /** Limit of a child's JavaScript heap. Default 256. */
  heapMb?: number
  /** Limit of a child's whole memory, watched on Linux only. Default heapMb + 256. */
  rssMaxMb?: number
  /** Limit of an encoded result. Default 1 MiB. */
  resultBytesMax?: number
  /** Runs after which a child is replaced by a fresh one. Default 10,000. */
  recycleTasks?: number
  /**
   * The least age of a child that is replaced. Default 60,000: to load mathjs takes half a second of
   * CPU, as much as a hundred thousand tiny runs.
   */
  recycleMsMin?: number
  /**
   * Within this a child must have loaded its kinds, and begin what it was sent. Default 30,000.
   * On a machine that is too busy for that, the next ones get twice as long to load, and so on.
   */
  startLimitMs?: number
  /** Exports `loadKinds(names)`; for tests. Default shared/kinds/load-kinds.ts. */
  kindsModule?: URL
  /** What a child runs; for tests. Default child.ts. */
  program?: URL
}

/** For logs, metrics and tests. */
export type PoolState = {
  /** Runs in the line. */
  waiting: number
  /** Runs down a pipe. */
  fed: number
  executors: { pid: number | undefined; state: 'starting' | 'ready' | 'leaving'; fed: number }[]
}

export type Pool = Executors & {
  /** Resolves when all executors are ready; rejects when the pool is closed before. */
  ready(): Promise<void>
  state(): PoolState
}

/** A kind is tiny when its runs take at most this, on average; only tiny ones are sent ahead. */
const TINY_MS = 1
/** At most so many runs, and about so much work, are down a pipe. */
const AHEAD_RUNS_MAX = 64
const AHEAD_MS_MAX = 5
/** Weight of the newest run in the average, and how much of it counts: one outlier is no trend. */
const AVERAGE_WEIGHT = 1 / 16
const AVERAGE_SAMPLE_MS_MAX = 10
/** A member silent for this long, with runs behind its head, gives those back. */
const SILENT_MS = 10
/** A killed run that begins before its skip is heard may finish within this: it may well be tiny. */
const UNWANTED_MS = 20
/** How often a member with a long run is looked at for its memory. */
const MEMORY_CHECK_MS = 100
/** After so many of them and none that got ready, it is said that none will. */
const FAILED_STARTS = 3
/** A child that is to be ready gets at most so many times the limit. */
const START_LIMITS_MAX = 16
const LINE_BYTES_EXTRA = 1_048_576
const TROUBLE_CHARACTERS = 500

/** A run in the line or down a pipe. */
type Entry = { run: Run; kind: number; place: 'line' | 'forgotten' | { member: Member; n: number } }

type Member = {
  executor: Executor
  state: 'starting' | 'ready' | 'leaving' | 'gone'
  /** Down the pipe, by number, in order. Undefined: killed or taken back, not yet heard of. */
  fed: Map<number, Entry | undefined>
  /** The number of the last run sent. */
  sent: number
  /** When the head became the head (or the child was started), by the monotonic clock. */
  since: number
  startedAt: number
  /** When to look at it next. */
  checkAt: number
  /** Least run limit of those down the pipe. */
  limitMs: number
  /** What it computes is not tiny: nothing is sent ahead. */
  isLong: boolean
}

/** Starts the children and gives the pool. They are ready some time later; runs wait for them. */
export function createPool(options: PoolOptions): Pool {
  const {
    size,
    onEnded,
    onTrouble = () => {},
    onAble = () => {},
    spares = 1,
    heapMb = 256,
    rssMaxMb = heapMb + 256,
    resultBytesMax = 1_048_576,
    recycleTasks = 10_000,
    recycleMsMin = 60_000,
    startLimitMs = 30_000,
    kindsModule = new URL('../../shared/kinds/load-kinds.ts', import.meta.url),
    program = new URL('./child.ts', import.meta.url),
  } = options
  assert(size >= 1 && spares >= 0 && recycleTasks >= 1)

  const settings: ChildSettings = {
    kinds: options.kinds,
    kindsModule: kindsModule.href,
    resultBytesMax,
    folders: options.folders,
  }
  const childProgram = {
    program,
    kindsModule,
    heapMb,
    folders: options.folders,
    argument: JSON.stringify(settings),
    tie: findTie(),
    // Kinds that work on files open them.
    prlimit: options.folders || options.confined === false ? undefined : findPrlimit(),
    lineBytesMax: resultBytesMax + LINE_BYTES_EXTRA,
  }
  const kindIndex = new Map(options.kinds.map((name, index) => [name, index]))
  const averageMs: (number | undefined)[] = options.kinds.map(() => undefined)

  const entries = new Map<string, Entry>()
  const line = createLine<Entry>()
  /** Starting or ready, oldest first; the first `size` ready ones serve. */
  let members: Member[] = []
  const leaving = new Set<Member>()
  const processes = new Set<Executor>()
  const allReady = Promise.withResolvers<void>()
  allReady.promise.catch(() => {})
  const restart = createRestart(tend)
  let able = true
  const watch = createWatch(check)
  /** How many times the limit a child gets that starts now: else none might ever be ready. */
  let startLimits = 1
  let feeding: NodeJS.Immediate | undefined
  let tending: NodeJS.Immediate | undefined
  let closing: Promise<void> | undefined

  tend()

  function run(newRun: Run) {
    if (closing) return
    const kind = kindIndex.get(newRun.kind)
    assert(kind !== undefined, `no kind "${newRun.kind}" in the executors`)
    assert(!entries.has(newRun.attempt), `attempt ${newRun.attempt} is already here`)
    const entry: Entry = { run: newRun, kind, place: 'line' }
    entries.set(newRun.attempt, entry)
    line.push(entry)
    feedSoon()
  }

  function waits(attempt: string): boolean {
    return entries.get(attempt)?.place === 'line'
  }

  function kill(attempt: string) {
    const entry = entries.get(attempt)
    if (!entry) return
    entries.delete(attempt)
    const { place } = entry
    entry.place = 'forgotten'
    if (place === 'line') return line.forget()
    assert(place !== 'forgotten')
    const { member, n } = place
    member.fed.set(n, undefined)
    if (headOf(member) === n) stop(member)
    else skip(member, [n])
  }

  function close(): Promise<void> {
    closing ??= closeAll()
    return closing
  }

  async function closeAll() {
    clearImmediate(feeding)
    clearImmediate(tending)
    restart.close()
    watch.close()
    allReady.reject(new Error('the pool was closed before its executors were ready'))
    for (const executor of processes) executor.kill()
    await Promise.all([...processes].map((executor) => executor.closed))
    members = []
    leaving.clear()
    entries.clear()
    line.clear()
  }

  function state(): PoolState {
    const all = [...members, ...leaving]
    return {
      waiting: line.length(),
      fed: all.reduce((sum, { fed }) => sum + fed.size, 0),
      executors: all.map(({ executor: { pid }, state, fed }) => ({
        pid,
        state: state === 'gone' ? 'leaving' : state,
        fed: fed.size,
      })),
    }
  }

  // ---- feeding: who computes what

  /** Once a turn of the event loop, so that all of a turn goes down a pipe in one write. */
  function feedSoon() {
    feeding ??= setImmediate(feedAll)
  }

  function feedAll() {
    feeding = undefined
    if (line.length() === 0) return
    const serving = members.filter(({ state }) => state === 'ready').slice(0, size)
    const fed = serving.reduce((sum, member) => sum + member.fed.size, 0)
    const share = Math.ceil((line.length() + fed) / serving.length)
    const now = performance.now()
    for (const member of serving) feed(member, share, now)
    if (serving.some(isWorn)) tendSoon()
  }

  function feed(member: Member, share: number, now: number) {
    const { fed } = member
    if (fed.size === 0) {
      member.since = now
      member.limitMs = Number.POSITIVE_INFINITY
    }
    const batch: Entry[] = []
    for (let entry = line.first(); entry && fed.size < share; entry = line.first()) {
      if (!hasRoom(member, entry.kind)) break
      line.shift()
      const n = ++member.sent
      entry.place = { member, n }
      fed.set(n, entry)
      member.limitMs = Math.min(member.limitMs, entry.run.runLimitMs)
      batch.push(entry)
    }
    if (batch.length === 0) return
    member.executor.send(`${encode(batch)}\n`)
    watchMember(member, member.since, now)
  }

  function hasRoom(member: Member, kind: number): boolean {
    const average = averageMs[kind]
    const isTiny = average !== undefined && average <= TINY_MS
    if (member.fed.size === 0) {
      member.isLong = !isTiny
      return true
    }
    if (member.isLong || !isTiny) return false
    return member.fed.size < AHEAD_RUNS_MAX && member.fed.size * average < AHEAD_MS_MAX
  }

  function encode(batch: Entry[]): string {
    try {
      return encodeFrames(batch.map(frameOf))
    } catch {
      return `[${batch.map(encodeOrEnd).join(',')}]`
    }
  }

  /** An input may be nested too deeply for the encoder. Its number stays used: the child skips it. */
  function encodeOrEnd(entry: Entry): string {
    const { place } = entry
    try {
      return encodeFrames(frameOf(entry))
    } catch (error) {
      assert(typeof place === 'object')
      place.member.fed.set(place.n, undefined)
      const isUnfit = error instanceof UnfitInputError
      const words = isUnfit ? error.message : `cannot be encoded: ${String(error)}`
      const ended = fail(entry, 'rejected-input', words, 0)
      onEnded([ended])
      return `[${NO_RUN}]`
    }
  }

  // ---- hearing from members

  function hear(member: Member, ends: EndFrame[]) {
    const ended: RunEnded[] = []
    const { fed } = member
    const isSane = ends.every((end) => hearOne(member, end, ended))
    if (!isSane) stopForGarbage(member, ended)
    else if (fed.size === 0 && member.state === 'leaving') stop(member)
    else restart.reset()
    member.since = performance.now()
    if (fed.size === 0) {
      member.checkAt = Number.POSITIVE_INFINITY
    } else {
      if (fed.size === 1) member.limitMs = leastLimit(fed, firstKey(fed)!)
      watchMember(member, member.since, member.since)
    }
    if (line.length() > 0) feedSoon()
    if (ended.length > 0) onEnded(ended)
  }

  /** False when the child has no such run, or not at the head. */
  function hearOne({ fed }: Member, end: EndFrame, ended: RunEnded[]): boolean {
    const n = end[0]
    if (end.length === 1) {
      // Only what is not wanted any more is skipped.
      if (!fed.has(n) || fed.get(n)) return false
      fed.delete(n)
      return true
    }
    if (n !== firstKey(fed)) return false
    const entry = fed.get(n)
    fed.delete(n)
    if (!entry) return true
    const [, ranMs, outcome] = end
    learn(entry.kind, ranMs)
    const { attempt } = entry.run
    entries.delete(attempt)
    entry.place = 'forgotten'
    ended.push({ attempt, outcome, ranMs })
    return true
  }

  function learn(kind: number, ranMs: number) {
    const sample = Math.min(ranMs, AVERAGE_SAMPLE_MS_MAX)
    const average = averageMs[kind] ?? sample
    averageMs[kind] = average + (sample - average) * AVERAGE_WEIGHT
  }

  function stopForGarbage(member: Member, ended: RunEnded[]) {
    onTrouble(`executor ${member.executor.pid} wrote garbage on its channel; killed`)
    const message = 'the executor wrote garbage on its channel'
    stop(member, { type: 'executor-crashed', message, ended })
  }

  function onDeath(member: Member, { how, stderr, outOfMemory }: Death) {
    const { executor, fed } = member
    const tail = stderr.trim().slice(-TROUBLE_CHARACTERS)
    onTrouble(`executor ${executor.pid} ${how}${tail && `: ${tail}`}`)
    if (member.state === 'starting' || fed.size === 0) restart.delay()
    if (outOfMemory) {
      stop(member, { type: 'memory-limit', message: `exceeded its limit of ${heapMb} MB of heap` })
    } else {
      stop(member, { type: 'executor-crashed', message: `the executor ${how}` })
    }
  }

  // ---- watching: limits of time and memory

  /** Says when to look at a member next, counted from `from`; at its least limit in any case. */
  function watchMember(member: Member, from: number, now: number) {
    const { fed, since, limitMs, isLong } = member
    const isSoon = (fed.size > 1 && !isLong) || !firstOf(fed)
    const look = from + (isSoon ? SILENT_MS : MEMORY_CHECK_MS)
    member.checkAt = Math.max(now + 1, Math.min(look, since + limitMs))
    watch.at(member.checkAt)
  }

  /** Looks at every member that is due and gives when the next is. */
  function check(): number {
    const now = performance.now()
    for (const member of [...members, ...leaving]) {
      if (member.checkAt <= now) checkMember(member, now)
    }
    let next = Number.POSITIVE_INFINITY
    for (const { checkAt } of members) next = Math.min(next, checkAt)
    for (const { checkAt } of leaving) next = Math.min(next, checkAt)
    return next
  }

  function checkMember(member: Member, now: number) {
    const { executor, fed } = member
    if (member.state === 'starting') {
      const ms = Math.round(member.checkAt - member.startedAt)
      onTrouble(`executor ${executor.pid} was not ready within ${ms} ms; killed`)
      startLimits = Math.min(START_LIMITS_MAX, startLimits * 2)
      restart.delay()
      return stop(member)
    }
    const n = headOf(member)
    if (n === undefined) {
      member.checkAt = Number.POSITIVE_INFINITY
      return
    }
    const begun = executor.begun()
    if (begun.n !== n) return checkBegin(member, n, now)
    member.since = Math.max(member.since, begun.at)
    const failure = judge(member, fed.get(n), now)
    if (failure) return stop(member, failure === 'unwanted' ? undefined : failure)
    if (fed.size > 1 && now - member.since >= SILENT_MS) takeBack(member, n)
    member.limitMs = leastLimit(fed, n)
    watchMember(member, now, now)
  }

  /**
   * The child has not begun what it was sent: its machine is busy. No limit of the run counts yet,
   * for it would blame one that did nothing; but neither may it wait for ever.
   */
  function checkBegin(member: Member, n: number, now: number) {
    if (now - member.since >= startLimitMs) {
      const message = `the executor did not begin it within ${startLimitMs} ms`
      onTrouble(`executor ${member.executor.pid} began nothing within ${startLimitMs} ms; killed`)
      return stop(member, { type: 'executor-crashed', message })
    }
    if (member.fed.size > 1 && now - member.since >= SILENT_MS) takeBack(member, n)
    member.checkAt = now + SILENT_MS
    watch.at(member.checkAt)
  }

  /** What the head of a member, which has begun, has done wrong by now, if anything. */
  function judge(member: Member, head: Entry | undefined, now: number) {
    const ranMs = now - member.since
    if (!head) return ranMs >= UNWANTED_MS ? 'unwanted' : undefined
    const limitMs = head.run.runLimitMs
    if (ranMs >= limitMs) {
      return { type: 'time-limit', message: `exceeded its limit of ${limitMs} ms` } as const
    }
    if (ranMs >= MEMORY_CHECK_MS && member.executor.residentMb() > rssMaxMb) {
      return { type: 'memory-limit', message: `exceeded its limit of ${rssMaxMb} MB` } as const
    }
    return undefined
  }

  /** The head takes long: what waits behind it goes to the others. */
  function takeBack(member: Member, head: number) {
    member.isLong = true
    const back: Entry[] = []
    const numbers: number[] = []
    for (const [n, entry] of member.fed) {
      if (n <= head || !entry) continue
      member.fed.set(n, undefined)
      back.push(entry)
      numbers.push(n)
    }
    if (back.length === 0) return
    skip(member, numbers)
    requeue(back)
  }

  function skip(member: Member, numbers: number[]) {
    member.executor.send(`${JSON.stringify({ skip: numbers })}\n`)
  }

  /** The number of the run that a member computes now. */
  function headOf({ fed, executor }: Member): number | undefined {
    if (fed.size > 1) {
      const { n } = executor.begun()
      if (fed.has(n)) return n
    }
    return firstKey(fed)
  }

  // ---- ending members and starting others

  /** Ends a member: its head fails, or is forgotten, and what it had not begun goes back. */
  function stop(
    member: Member,
    failure?: { type: FailureType; message: string; ended?: RunEnded[] },
  ) {
    if (member.state === 'gone') return
    const head = failure && headOf(member)
    member.state = 'gone'
    member.checkAt = Number.POSITIVE_INFINITY
    member.executor.kill()
    members = members.filter((other) => other !== member)
    leaving.delete(member)
    const culprit = head === undefined ? undefined : member.fed.get(head)
    const back = [...member.fed.values()].filter((entry) => entry && entry !== culprit)
    member.fed.clear()
    requeue(back as Entry[])
    tendSoon()
    if (!failure || !culprit) return
    const ended = fail(culprit, failure.type, failure.message, performance.now() - member.since)
    if (failure.ended) failure.ended.push(ended)
    else onEnded([ended])
  }

  function fail(entry: Entry, type: FailureType, message: string, ranMs: number): RunEnded {
    const { attempt } = entry.run
    entries.delete(attempt)
    entry.place = 'forgotten'
    return { attempt, outcome: { status: 'failed', type, message }, ranMs }
  }

  function requeue(back: Entry[]) {
    for (const entry of back) entry.place = 'line'
    line.unshift(back)
    if (line.length() > 0) feedSoon()
  }

  /** Lets worn-out members leave when a spare can step in, and starts the children that lack. */
  function tend() {
    tending = undefined
    if (closing) return
    const ready = members.filter(({ state }) => state === 'ready')
    const worn = ready.find(isWorn)
    if (worn && ready.length > size) return leave(worn)
    // A spare that started beside those that are waited for would only hold them up.
    const more = ready.length >= size ? Math.max(spares, worn ? 1 : 0) : 0
    const wanted = size + more
    while (members.length < wanted && restart.isDue()) start()
    tellAble()
  }

  /** Whether it can be expected to compute what it is given. */
  function tellAble() {
    const isReady = members.some(({ state }) => state === 'ready')
    const now = isReady || restart.failures() < FAILED_STARTS
    if (now !== able) onAble((able = now))
  }

  function isWorn({ sent, startedAt }: Member): boolean {
    return sent >= recycleTasks && performance.now() - startedAt >= recycleMsMin
  }

  function leave(member: Member) {
    member.state = 'leaving'
    members = members.filter((other) => other !== member)
    leaving.add(member)
    if (member.fed.size === 0) stop(member)
    else tendSoon()
  }

  /** After this turn's runs went to those who are there: to start a process takes a millisecond. */
  function tendSoon() {
    if (closing) return
    if (line.length() > 0) feedSoon()
    tending ??= setImmediate(tend)
  }

  function start() {
    try {
      members.push(startMember())
    } catch (error) {
      onTrouble(`an executor could not be started: ${String(error)}`)
      restart.delay()
    }
  }

  function startMember(): Member {
    const now = performance.now()
    const executor = createExecutor(childProgram, {
      onReady: () => onReady(member),
      onEnds: (ends) => hear(member, ends),
      onGarbage() {
        if (member.state === 'starting') restart.delay()
        const ended: RunEnded[] = []
        stopForGarbage(member, ended)
        if (ended.length > 0) onEnded(ended)
      },
      onDeath: (death) => onDeath(member, death),
    })
    const member: Member = {
      executor,
      state: 'starting',
      fed: new Map(),
      sent: 0,
      since: now,
      startedAt: now,
      checkAt: now + startLimitMs * startLimits,
      limitMs: Number.POSITIVE_INFINITY,
      isLong: false,
    }
    processes.add(executor)
    void executor.closed.then(() => processes.delete(executor))
    watch.at(member.checkAt)
    return member
  }

  function onReady(member: Member) {
    member.state = 'ready'
    startLimits = 1
    restart.started()
    member.checkAt = Number.POSITIVE_INFINITY
    if (members.filter(({ state }) => state === 'ready').length >= size) allReady.resolve()
    tend()
    feedSoon()
  }

  return { run, waits, kill, close, ready: () => allReady.promise, state }
}

function firstKey(fed: Member['fed']): number | undefined {
  return fed.keys().next().value
}

function firstOf(fed: Member['fed']): Entry | undefined {
  return fed.values().next().value
}

/** The least run limit of those down a pipe whose head is `head`. */
function leastLimit(fed: Member['fed'], head: number): number {
  let least = fed.get(head) ? Number.POSITIVE_INFINITY : UNWANTED_MS
  for (const entry of fed.values()) least = Math.min(least, entry?.run.runLimitMs ?? least)
  return least
}

class UnfitInputError extends Error {}

/** Throws for an input whose numbers a kind would not get as they were written. */
function frameOf({ kind, run }: Entry): RunFrame {
  const { input, work } = run
  const unfit = input instanceof Raw ? unfitNumber(input.text) : null
  if (unfit) throw new UnfitInputError(`${unfit.path || 'the input'} ${unfitRule(unfit)}`)
  return work ? [kind, input, work] : [kind, input]
}
