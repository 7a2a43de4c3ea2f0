// The bars of the task stream: one for each attempt, by the slave that has it. Pure but for what it
// is given to keep.

/**
 * Times are milliseconds since 1970.
 * @typedef {{ task: string, kind: string, slave: string | null, row: number | null, createdAt: number,
 *   askedAt: number | null, startedAt: number | null, endedAt: number | null, ranMs?: number | null,
 *   status: string, lost?: boolean, tries: number }} Bar
 * @typedef {{ byKey: Map<string, Bar>, bySlave: Map<string, Set<string>>, waiting: Set<string>,
 *   dropped: number }} Bars
 */

/** More are not kept: the oldest go first. */
const BARS_MAX = 12_000

/** @returns {Bars} */
export const createBars = () => ({
  byKey: new Map(),
  bySlave: new Map(),
  waiting: new Set(),
  dropped: 0,
})

/** @param {Bar} bar */
export const keyOf = ({ task, tries, slave }) => `${task}#${slave === null ? 'w' : tries}`

/** Takes in bars that are new or have changed. @param {Bars} bars @param {Bar[]} added */
export function addBars(bars, added) {
  for (const bar of added) {
    // It has been taken: it waits no more.
    if (bar.slave !== null) drop(bars, keyOf({ ...bar, slave: null }))
    const key = keyOf(bar)
    // What changes goes to the end: the order is that of the last news.
    drop(bars, key)
    bars.byKey.set(key, bar)
    rowsOf(bars, bar.slave).add(key)
  }
  shrink(bars, ({ endedAt }) => endedAt !== null)
  shrink(bars, () => true)
}

/** Drops the oldest that may go, until there are no more than there may be. @param {Bars} bars @param {(bar: Bar) => boolean} mayGo */
function shrink(bars, mayGo) {
  let over = bars.byKey.size - BARS_MAX
  if (over <= 0) return
  for (const [key, bar] of bars.byKey) {
    if (over <= 0) break
    if (!mayGo(bar)) continue
    drop(bars, key)
    bars.dropped++
    over--
  }
}

/** @param {Bars} bars @param {number} before */
export function dropOldBars(bars, before) {
  for (const [key, { endedAt }] of bars.byKey) {
    if (endedAt === null) continue
    // In the order of arrival, so the rest is as young or nearly so.
    if (endedAt >= before) break
    drop(bars, key)
  }
}

/** The bars of one slave; of those that wait, with null. @param {Bars} bars @param {string | null} slave */
export const keysOf = (bars, slave) =>
  slave === null ? bars.waiting : (bars.bySlave.get(slave) ?? new Set())

/** @param {Bars} bars @param {string | null} slave */
function rowsOf(bars, slave) {
  if (slave === null) return bars.waiting
  let keys = bars.bySlave.get(slave)
  if (!keys) bars.bySlave.set(slave, (keys = new Set()))
  return keys
}

/** @param {Bars} bars @param {string} key */
function drop(bars, key) {
  const bar = bars.byKey.get(key)
  if (!bar) return
  bars.byKey.delete(key)
  rowsOf(bars, bar.slave).delete(key)
}
