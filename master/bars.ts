// Attempts as bars over time, for people who watch: a bar is one attempt on one row (slot) of its
// slave, or a task that waits for a slave. Made from events, while somebody watches; of very many
// only some are told, and how many were left out.

import type { TaskEvent } from './events.ts'

export type Bar = {
  task: string
  kind: string
  slave: string | null
  /** From 0 within the slave; null while it waits. */
  row: number | null
  createdAt: number
  askedAt: number | null
  startedAt: number | null
  endedAt: number | null
  status: string
  /** The attempt was lost or failed, and the task goes on without it. */
  lost: boolean
  tries: number
}

/** Ended bars that a new viewer is shown. */
const ENDED_MAX = 1_000
/** Live bars that are followed; of a longer line or a larger fleet the rest is only counted. */
const LIVE_MAX = 5_000

export type Bars = ReturnType<typeof createBars>

export function createBars() {
  /** By task: what runs or waits now. */
  const live = new Map<string, Bar>()
  const ended: Bar[] = []
  const rows = new Map<string, (string | undefined)[]>()
  let changed = new Map<string, Bar>()
  let omitted = 0

  return {
    /** What has befallen a task. */
    take(event: TaskEvent): void {
      const before = live.get(event.task)
      if (event.event === 'retry' || event.event === 'not arrived') {
        if (before) finish(before, event.at, 'in progress', true)
      } else if (event.status === 'pending' || event.status === 'in progress') {
        begin(event, before)
      } else if (before) finish(before, event.at, event.status, false)
      else omitted++
    },

    /** All that is shown to a new viewer, oldest first. */
    all: (): Bar[] => [...ended, ...live.values()],

    /** The newest of what has changed since it was last asked, and how many others there were. */
    changes(most: number): { bars: Bar[]; omitted: number } {
      const all = [...changed.values()]
      const bars = all.slice(-most)
      const left = omitted + all.length - bars.length
      changed = new Map()
      omitted = 0
      return { bars, omitted: left }
    },
  }

  function begin(event: TaskEvent, before: Bar | undefined): void {
    if (before?.startedAt != null) return
    if (!before && live.size >= LIVE_MAX) return void omitted++
    const { task, kind, createdAt, askedAt, startedAt, status, tries } = event
    const runs = event.status === 'in progress' && event.slave !== null
    const slave = runs ? event.slave : null
    const row = slave === null ? null : rowFor(slave, task)
    const times = { createdAt, askedAt: askedAt ?? startedAt, startedAt, endedAt: null }
    const bar: Bar = { task, kind, slave, row, ...times, status, lost: false, tries }
    live.set(task, bar)
    changed.set(`${task}#${tries}`, bar)
  }

  function finish(bar: Bar, endedAt: number, status: string, lost: boolean): void {
    Object.assign(bar, { endedAt, status, lost })
    live.delete(bar.task)
    if (bar.slave !== null && bar.row !== null) {
      const taken = rows.get(bar.slave)
      if (taken) taken[bar.row] = undefined
    }
    changed.set(`${bar.task}#${bar.tries}`, bar)
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
