// The overview for the dashboard: everything once, then the changes, several times per
// second whatever the load. The size of one change is bounded, and omitted items
// are counted. Without viewers only the numbers of recent-load.ts are kept.

import type { Clock, Monotonic } from '../../shared/data/clock.ts'
import { LONG_AGO, later, msOf } from '../../shared/data/clock.ts'
import { VERSION } from '../../shared/process/version.ts'
import type { JobEvent } from '../core/events.ts'
import { isElsewhere, isOfUse, isOpen, roomOf, slotsOf } from '../core/registry.ts'
import type { Slave } from '../core/state.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { slaveJson } from '../views/slave-json.ts'
import type { Events } from './events.ts'
import type { Second } from './recent-load.ts'
import { createRecentLoad } from './recent-load.ts'
import { createTimeline } from './timeline.ts'

/** Interval of changes, in milliseconds. */
const TELL_MS = 250
/** Maximum interval between messages, so that silence means a lost connection. In milliseconds. */
const BEAT_MS = 5_000
/** Maximum of each in one change: at four changes per second below 100 kB/s in total. */
const BARS_MAX = 50
const SLAVES_MAX = 30
/** Slaves that a snapshot shows; the page reads further ones from GET /slaves. */
const SNAPSHOT_SLAVES_MAX = 1_000
const JOBS_MAX = 20
/** Number of places in the order of asking whose load is shown. */
const PLACES_MAX = 200

type Tell = (name: string, data: string) => void

export type Overview = ReturnType<typeof createOverview>

export function createOverview(given: {
  dispatcher: Dispatcher
  events: Events
  clock: Clock
  /** The event loop's delay now, in milliseconds. */
  lagMs: () => number
}) {
  const { dispatcher, events, clock } = given
  const { view } = dispatcher
  const startedAt = clock.now()
  const capacity = createRecentLoad(view, startedAt)
  const unfollow = events.follow((event) => {
    capacity.take(event, clock.now())
    if (event.type === 'job') noteJob(event)
    else if (event.type === 'task') bars?.take(event)
  })
  const viewers = new Set<Tell>()
  const jobs = new Map<string, JobEvent>()
  const changedJobs = new Set<string>()
  /** The last sent state of each slave, in short form, and of which run of its process it was. */
  const told = new Map<string, { boot: string; is: string }>()
  let bars: ReturnType<typeof createTimeline> | null = null
  let pairsTold = 0
  let lastVerdict = ''
  let lastSecond = 0
  let toldAt = LONG_AGO
  /** Where the next change starts to look for changed slaves, so that each gets its turn. */
  let nextPlace = 0
  let callOff = clock.at(later(startedAt, TELL_MS), look)

  return {
    /** Sends a viewer everything, then every change, until the returned function is called. */
    view(tell: Tell): () => void {
      if (viewers.size === 0) beginToWatch()
      tellChanges()
      tell('snapshot', JSON.stringify(snapshot()))
      viewers.add(tell)
      return () => {
        viewers.delete(tell)
        if (viewers.size === 0) bars = null
      }
    },

    /** Idempotent. */
    close(): void {
      callOff()
      unfollow()
    },
  }

  function beginToWatch(): void {
    bars = createTimeline()
    for (const { event } of events.since(0).events) if (event.type === 'task') bars.take(event)
    told.clear()
    for (const slave of view.registry.all()) {
      told.set(slave.name, { boot: slave.boot, is: inShort(slave) })
    }
  }

  function noteJob(event: JobEvent): void {
    jobs.delete(event.job)
    jobs.set(event.job, event)
    changedJobs.add(event.job)
    if (jobs.size > JOBS_MAX) jobs.delete(jobs.keys().next().value as string)
  }

  function look(): void {
    const now = clock.now()
    capacity.look(now)
    tellChanges()
    callOff = clock.at(later(now, TELL_MS), look)
  }

  function tellChanges(): void {
    if (viewers.size === 0) return
    const now = clock.now()
    const change = changes(now)
    if (Object.keys(change).length === 0 && now - toldAt < BEAT_MS) return
    toldAt = now
    const data = JSON.stringify({ at: clock.wall(), master: master(now), ...change })
    for (const tell of viewers) tell('delta', data)
  }

  function snapshot() {
    const now = clock.now()
    const all = view.registry.all()
    const { pairs, soFar } = capacity.pairsAfter(0)
    pairsTold = soFar
    return {
      at: clock.wall(),
      master: master(now),
      verdict: verdict(now),
      slaves: all.slice(0, SNAPSHOT_SLAVES_MAX).map((slave) => whole(slave, now)),
      slavesOmitted: Math.max(0, all.length - SNAPSHOT_SLAVES_MAX),
      bars: bars?.all() ?? [],
      barsOmitted: 0,
      jobs: [...jobs.values()].toReversed().map(jobShort),
      capacity: {
        seconds: capacity.seconds.map((second) => since1970(second)),
        retryAfter: pairs,
        loadByPlace: capacity.loads(PLACES_MAX).map(toShare),
        offered: offered(now),
      },
    }
  }

  function changes(now: Monotonic) {
    const say = verdict(now)
    const verdictIs = JSON.stringify(say)
    const isNew = verdictIs !== lastVerdict
    lastVerdict = verdictIs
    const { bars: changed, omitted } = bars?.changes(BARS_MAX) ?? { bars: [], omitted: 0 }
    const slaves = changedSlaves(now)
    const gone = goneSlaves()
    const again = [...changedJobs].flatMap((id) => jobs.get(id) ?? [])
    changedJobs.clear()
    return {
      ...(isNew ? { verdict: say } : {}),
      ...(changed.length > 0 ? { bars: changed } : {}),
      ...(omitted > 0 ? { barsOmitted: omitted } : {}),
      ...(slaves.length > 0 ? { slaves } : {}),
      ...(gone.length > 0 ? { slavesGone: gone } : {}),
      ...(again.length > 0 ? { jobs: again.map(jobShort) } : {}),
      ...newCapacity(now),
    }
  }

  /** The same second as the wall clock has it now. */
  function since1970([second, ...counts]: Second): number[] {
    return [second + Math.round((msOf(clock.wall()) - clock.now()) / 1000), ...counts]
  }

  /** The last complete second, once, with the load of the places. */
  function newCapacity(now: Monotonic) {
    const over = capacity.seconds.at(-2)
    if (!over || over[0] === lastSecond) return {}
    lastSecond = over[0]
    const { pairs, soFar } = capacity.pairsAfter(pairsTold)
    pairsTold = soFar
    const loadByPlace = capacity.loads(PLACES_MAX).map(toShare)
    return {
      capacity: {
        seconds: [since1970(over)],
        retryAfter: pairs,
        loadByPlace,
        offered: offered(now),
      },
    }
  }

  function changedSlaves(now: Monotonic) {
    const changed: object[] = []
    const { end } = view.registry
    for (let i = 0; i < end && changed.length < SLAVES_MAX; i++) {
      const slave = view.registry.at((nextPlace + i) % end)
      if (!slave) continue
      const is = inShort(slave)
      const before = told.get(slave.name)
      if (is === before?.is) continue
      told.set(slave.name, { boot: slave.boot, is })
      // A restarted process may have another card.
      changed.push(before?.boot === slave.boot ? changing(slave, now) : whole(slave, now))
      if (changed.length === SLAVES_MAX) nextPlace = (nextPlace + i + 1) % end
    }
    return changed
  }

  function goneSlaves(): string[] {
    if (told.size <= view.registry.byName.size) return []
    const gone = [...told.keys()].filter((name) => !view.registry.byName.has(name))
    for (const name of gone) told.delete(name)
    return gone
  }

  function verdict(now: Monotonic) {
    const all = view.registry.all()
    const alive = all.filter(isOfUse)
    const open = alive.filter(isOpen)
    const slots = slotsOf(open)
    return {
      slots,
      running: view.running,
      waiting: view.waiting,
      refusedLastMinute: capacity.refusedLastMinute(now),
      endedPerSecond: capacity.endedPerSecond(now),
      latencyMs: capacity.latencyMs(),
      nextSlotMs: slots.free > 0 ? 0 : view.runTimes.firstFreeMs(open, now),
      slaves: {
        registered: all.length,
        alive: alive.length,
        suspect: all.length - alive.length,
        draining: alive.length - open.length,
        busy: open.filter((slave) => roomOf(slave) <= 0).length,
      },
    }
  }

  function master(now: Monotonic) {
    return {
      version: VERSION,
      upMs: Math.round(now - startedAt),
      accepting: !dispatcher.isDraining,
      lagMs: given.lagMs(),
    }
  }

  /** Arrivals per service time, the load that the closed formulae speak of; null: not known. */
  function offered(now: Monotonic): number | null {
    const times = view.registry.all().flatMap(({ serviceMs }) => (serviceMs > 0 ? [serviceMs] : []))
    if (times.length === 0) return null
    const meanMs = times.reduce((total, ms) => total + ms, 0) / times.length
    return Math.round(capacity.askedForPerSecond(now) * meanMs) / 1000
  }
}

const toShare = (load: number): number => Math.round(load * 1000) / 1000

const jobShort = ({ job, kind, status, stage, done, total }: JobEvent) => ({
  id: job,
  kind,
  status,
  stage,
  done,
  total,
})

/** All fields of a slave. */
function whole(slave: Slave, now: Monotonic) {
  return { ...slaveJson(slave, now), ...lately(slave, now) }
}

/** The changing fields of a slave, which replace the known ones. */
function changing(slave: Slave, now: Monotonic) {
  const {
    kinds: _,
    tags: _t,
    version: _v,
    features: _f,
    commands: _c,
    ...rest
  } = slaveJson(slave, now)
  return { ...rest, ...lately(slave, now) }
}

function lately({ refusals, lastAnswer }: Slave, now: Monotonic) {
  const { at, ...answer } = lastAnswer ?? { at: now }
  return {
    refusals: Object.fromEntries(refusals),
    lastAnswer: lastAnswer && { ...answer, ageMs: Math.round(now - at) },
  }
}

function inShort(slave: Slave): string {
  const { boot, standing, drained, mode, reason, slots, free, held, offers, taken, ended } = slave
  const trouble = slave.trouble ? `${slave.trouble.count} ${slave.trouble.resting}` : ''
  const numbers = `${slots} ${free} ${held.size} ${offers.size} ${taken} ${ended}`
  const where = isElsewhere(slave) ? 'elsewhere' : ''
  const files = slave.cache ? `${slave.cache.bytes} ${slave.cache.bytesMax}` : ''
  return `${boot} ${standing} ${where} ${drained} ${mode} ${numbers} ${files} ${Math.round(slave.heardAt / 1000)} ${trouble} ${reason}`
}
