// What the master says of itself, as it changes: one stream of server-sent events, a snapshot and
// then deltas, kept here as it stands now. Knows nothing of how it is shown.

import { json, whyRefused } from './api.js'
import { addBars, createBars, dropOldBars } from './bars.js'

/**
 * @typedef {{ name: string, place: number, state: string, reason: string, slots: number, free: number,
 *   running: number, drained: boolean, kinds: string[], tags: string[], version: string, url: string | null,
 *   features?: string[], commands?: { programs: string[] | 'any', containment: string } | null,
 *   cache?: { bytes: number, bytesMax: number } | null,
 *   pull: boolean, heardMs: number | null, serviceMs: number | null, taken: number, ended: number,
 *   refusals?: Record<string, number>, since?: number | null,
 *   lastAnswer?: { event: string, reason?: string, ageMs: number, ms?: number } | null,
 *   seenAt?: number }} Slave
 * @typedef {{ slots: { total: number, free: number }, running: number, waiting: number,
 *   refusedLastMinute: number, endedPerSecond: number, latencyMs: { p50: number, p95: number } | null,
 *   nextSlotMs: number | null, slaves: Record<string, number> }} Verdict
 * @typedef {{ id: string, kind: string, status: string, stage: string | null, done: number,
 *   total: number }} JobLine
 * @typedef {{ seconds: number[][], retryAfter: number[][], loadByPlace: number[],
 *   offered: number | null }} Capacity
 */

const SECONDS_KEPT = 300
const PAIRS_KEPT = 500
const JOBS_KEPT = 20
/** The master says something at least every five seconds; a stream more silent than this is dead. */
const SILENT_MS = 15_000
const AGAIN_MS = 1_000
const AGAIN_MS_MAX = 10_000

export const live = {
  /** @type {'connecting' | 'live' | 'lost'} */
  link: 'connecting',
  /** When the connection was lost, by this machine's clock. */
  lostAt: 0,
  /** Why the master does not let the page watch; null when that is not so. @type {string | null} */
  refusal: null,
  /** @type {{ version: string, upMs: number, accepting: boolean, lagMs: number } | null} */
  master: null,
  /** @type {Verdict | null} */
  verdict: null,
  /** @type {Map<string, Slave>} */
  slaves: new Map(),
  /** In the order of asking. @type {Slave[]} */
  order: [],
  slavesOmitted: 0,
  bars: createBars(),
  barsOmitted: 0,
  /** @type {Map<string, JobLine>} */
  jobs: new Map(),
  /** @type {Capacity} */
  capacity: { seconds: [], retryAfter: [], loadByPlace: [], offered: null },
  /** Bytes of the stream so far, and since when. For whoever measures. */
  bytes: 0,
  events: 0,
}

/** The master's clock less this machine's, in milliseconds. */
let ahead = 0
/** @type {Set<() => void>} */
const watchers = new Set()
let planned = false
/** @type {EventSource | null} */
let source = null
let heardAt = 0
let again = AGAIN_MS
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry

/** Now, by the master's clock. */
export const now = () => Date.now() + ahead

/** Calls `run` when something has changed, once a frame at most. @param {() => void} run */
export function watch(run) {
  watchers.add(run)
  return () => void watchers.delete(run)
}

/** Opens the stream, and opens it again whenever it breaks. */
export function connect() {
  clearTimeout(retry)
  source?.close()
  const mine = new EventSource('/overview')
  source = mine
  heardAt = performance.now()
  mine.addEventListener('snapshot', (event) => take(event, true))
  mine.addEventListener('delta', (event) => take(event, false))
  mine.onerror = () => lose(mine)
}

setInterval(() => {
  // Also one that was opened and never began.
  if (source && performance.now() - heardAt > SILENT_MS) lose(source)
}, 1_000)

/** @param {EventSource} broken */
function lose(broken) {
  if (broken !== source) return
  broken.close()
  source = null
  if (live.link !== 'lost') live.lostAt = Date.now()
  live.link = 'lost'
  void lookForRefusal()
  retry = setTimeout(connect, again)
  again = Math.min(AGAIN_MS_MAX, again * 1.6)
  changed()
}

async function lookForRefusal() {
  const refusal = await whyRefused('/overview')
  live.refusal = refusal?.message ?? null
  changed()
}

/** @param {MessageEvent} event @param {boolean} isSnapshot */
function take(event, isSnapshot) {
  heardAt = performance.now()
  live.bytes += event.data.length
  live.events++
  const said = JSON.parse(event.data)
  if (isSnapshot) reset()
  ahead = said.at - Date.now()
  merge(said)
  if (isSnapshot && live.slavesOmitted > 0) void readAllSlaves()
  live.link = 'live'
  live.refusal = null
  again = AGAIN_MS
  changed()
}

/** A snapshot shows the first thousand or so; here are the others. */
async function readAllSlaves() {
  const mine = source
  try {
    const { slaves } = await json('/slaves')
    if (mine !== source) return
    mergeSlaves(
      slaves.filter(({ name }) => !live.slaves.has(name)),
      [],
    )
    live.slavesOmitted = 0
    changed()
  } catch {
    // That they are left out stays said.
  }
}

function reset() {
  live.slaves.clear()
  live.jobs.clear()
  live.bars = createBars()
  live.capacity = { seconds: [], retryAfter: [], loadByPlace: [], offered: null }
  live.order = []
}

/** @param {any} said a snapshot or a delta */
function merge(said) {
  live.master = { ...live.master, ...said.master }
  live.verdict = said.verdict ?? live.verdict
  live.slavesOmitted = said.slavesOmitted ?? live.slavesOmitted
  live.barsOmitted = said.barsOmitted ?? 0
  mergeSlaves(said.slaves ?? [], said.slavesGone ?? [])
  addBars(live.bars, said.bars ?? [])
  dropOldBars(live.bars, now() - SECONDS_KEPT * 1_000)
  for (const job of said.jobs ?? []) live.jobs.set(job.id, { ...live.jobs.get(job.id), ...job })
  const ids = [...live.jobs.keys()].sort().reverse()
  for (const id of ids.slice(JOBS_KEPT)) live.jobs.delete(id)
  if (said.capacity) mergeCapacity(said.capacity)
}

/** What a change does not say of a slave that was not in the snapshot. */
const UNKNOWN = { kinds: [], tags: [], version: '' }

/** @param {Slave[]} slaves @param {string[]} gone */
function mergeSlaves(slaves, gone) {
  let moved = gone.length > 0
  for (const name of gone) live.slaves.delete(name)
  for (const slave of slaves) {
    const before = live.slaves.get(slave.name)
    moved ||= before?.place !== slave.place
    const since = before && before.state !== slave.state ? now() : (before?.since ?? null)
    live.slaves.set(slave.name, { ...UNKNOWN, ...before, since, ...slave, seenAt: Date.now() })
  }
  if (moved) live.order = [...live.slaves.values()].sort((a, b) => a.place - b.place)
  else if (slaves.length > 0) live.order = live.order.map(({ name }) => slaveOf(name))
}

/** @param {string} name @returns {Slave} */
const slaveOf = (name) => /** @type {Slave} */ (live.slaves.get(name))

/** @param {Partial<Capacity>} said */
function mergeCapacity({ seconds = [], retryAfter = [], loadByPlace, offered }) {
  const { capacity } = live
  const newest = new Map(capacity.seconds.map((second) => [second[0], second]))
  for (const second of seconds) newest.set(second[0], second)
  const sorted = [...newest.values()].sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0))
  live.capacity = {
    seconds: sorted.slice(-SECONDS_KEPT),
    retryAfter: [...capacity.retryAfter, ...retryAfter].slice(-PAIRS_KEPT),
    loadByPlace: loadByPlace ?? capacity.loadByPlace,
    offered: offered === undefined ? capacity.offered : offered,
  }
}

function changed() {
  if (planned) return
  planned = true
  requestAnimationFrame(() => {
    planned = false
    for (const run of watchers) run()
  })
}
