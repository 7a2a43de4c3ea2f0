// The timeline: a bar is one attempt on one row (slot) of its
// slave, or a queued task. Made from events while the dashboard is open; of very many
// only some are sent, with the number of the omitted ones.

import type { WallTime } from '../../shared/data/clock.ts'
import type { TaskEvent } from '../core/events.ts'

export type Bar = {
  task: string
  kind: string
  slave: string | null
  /** From 0 within the slave; null while it waits. */
  row: number | null
  createdAt: WallTime
  askedAt: WallTime | null
  startedAt: WallTime | null
  endedAt: WallTime | null
  /** Run time in its executor in milliseconds, once it has ended; null when unknown. */
  ranMs: number | null
  status: string
  /** The attempt was lost or failed, and the task continues without it. */
  lost: boolean
  tries: number
}

/** Number of ended bars that a new viewer gets. */
const ENDED_MAX = 1_000
/** Live bars that are followed; of a longer line or a larger fleet the rest is only counted. */
const LIVE_MAX = 5_000
/** Of what one change may tell, what has begun gets this share when more has ended than has room. */
const BEGUN_SHARE = 0.25

export function createTimeline() {
  /** By task: what runs or waits now. */
  const live = new Map<string, Bar>()
  const ended: Bar[] = []
  const rows = new Map<string, (string | undefined)[]>()
  const changed = new Map<string, Bar>()
  /** Bars that were sent before they ended: their ends must be sent, too. */
  const open = new Set<string>()
  let omitted = 0

  return {
    /** Handles an event of a task. */
    take(event: TaskEvent): void {
      const before = live.get(event.task)
      if (event.event === 'retry' || event.event === 'not arrived') {
        if (before) finish(before, event, 'in progress', true)
      } else if (event.status === 'pending' || event.status === 'in progress') {
        begin(event, before)
      } else if (before) finish(before, event, event.status, false)
      else omitted++
    },

    /** All bars for a new viewer, oldest first. */
    all(): Bar[] {
      for (const bar of live.values()) open.add(keyOf(bar))
      return [...ended, ...live.values()]
    },

    /**
     * What has changed since it was last asked, and how many others have come and gone meanwhile.
     * First what became of bars that were told as open; then some that are open, the oldest, so that
     * what runs for long is seen; then those that have ended, the newest. Open ones that are not told
     * now come with a later change.
     */
    changes(most: number): { bars: Bar[]; omitted: number } {
      const entries = [...changed]
      const owed = entries.filter(([key]) => open.has(key)).slice(0, most)
      const fresh = entries.filter(([key, bar]) => bar.endedAt !== null && !open.has(key))
      const begun = entries.filter(([key, bar]) => bar.endedAt === null && !open.has(key))
      const room = most - owed.length
      const first = begun.slice(0, Math.max(Math.floor(room * BEGUN_SHARE), room - fresh.length))
      const whole = last(fresh, room - first.length)
      const told = [...owed, ...first, ...whole]
      const left = omitted + fresh.length - whole.length
      for (const [key] of [...fresh, ...told]) changed.delete(key)
      for (const [key, bar] of told) {
        if (bar.endedAt === null) open.add(key)
        else open.delete(key)
      }
      omitted = 0
      return { bars: told.map(([, bar]) => bar), omitted: left }
    },
  }

  function begin(event: TaskEvent, before: Bar | undefined): void {
    if (before?.startedAt != null) return
    if (!before && live.size >= LIVE_MAX) return void omitted++
    const { task, kind, createdAt, askedAt, startedAt, status, tries } = event
    const runs = event.status === 'in progress' && event.slave !== null
    const slave = runs ? event.slave : null
    const row = slave === null ? null : rowFor(slave, task)
    const times = {
      createdAt,
      askedAt: askedAt ?? startedAt,
      startedAt,
      endedAt: null,
      ranMs: null,
    }
    const bar: Bar = { task, kind, slave, row, ...times, status, lost: false, tries }
    live.set(task, bar)
    if (before) follow(before, bar)
    changed.set(keyOf(bar), bar)
  }

  /** A queued task was accepted: its bar replaces the waiting one. */
  function follow(waited: Bar, bar: Bar): void {
    const key = keyOf(waited)
    if (key === keyOf(bar)) return
    changed.delete(key)
    if (open.delete(key)) open.add(keyOf(bar))
  }

  function finish(bar: Bar, { at, ranMs }: TaskEvent, status: string, lost: boolean): void {
    Object.assign(bar, { endedAt: at, ranMs, status, lost })
    live.delete(bar.task)
    if (bar.slave !== null && bar.row !== null) {
      const taken = rows.get(bar.slave)
      if (taken) taken[bar.row] = undefined
    }
    changed.set(keyOf(bar), bar)
    ended.push(bar)
    if (ended.length > 2 * ENDED_MAX) ended.splice(0, ENDED_MAX)
  }

  /** The first free row of a slave. */
  function rowFor(slave: string, task: string): number {
    let taken = rows.get(slave)
    if (!taken) rows.set(slave, (taken = []))
    let row = taken.indexOf(undefined)
    if (row < 0) row = taken.length
    taken[row] = task
    return row
  }
}

/** One bar for each attempt, and one while the task waits. */
const keyOf = ({ task, tries, slave }: Bar): string => `${task}#${slave === null ? 'w' : tries}`

const last = <T>(list: T[], count: number): T[] => (count <= 0 ? [] : list.slice(-count))
