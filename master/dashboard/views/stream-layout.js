// Where things stand in the task stream: which row belongs to which slot, and where a time is. Pure.

export const ROW = 18
/** The first row is of tasks that no slave has yet. */
export const WAITING_ROWS = 1

/**
 * @typedef {import('../live.js').Slave} Slave
 * @typedef {{ slaves: Slave[], starts: number[], rows: number }} Layout
 */

/** @param {Slave[]} slaves in the order of asking @returns {Layout} */
export function layoutOf(slaves) {
  const starts = []
  let rows = WAITING_ROWS
  for (const { slots } of slaves) {
    starts.push(rows)
    rows += slots
  }
  return { slaves, starts, rows }
}

/** The index of the slave that has this row; -1 for the rows above. @param {Layout} layout @param {number} row */
export function slaveAt({ starts }, row) {
  let [low, high] = [0, starts.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((starts[middle] ?? 0) <= row) low = middle + 1
    else high = middle
  }
  return low - 1
}

/**
 * The segments of a bar, each from a time to a time.
 * @param {import('../bars.js').Bar} bar @param {number} now
 * @returns {{ is: 'queue' | 'ask' | 'run' | 'callback', from: number, to: number }[]}
 */
export function segmentsOf({ createdAt, askedAt, startedAt, endedAt, ranMs }, now) {
  const end = endedAt ?? now
  const asked = askedAt ?? startedAt ?? end
  const started = startedAt ?? end
  /** @type {ReturnType<typeof segmentsOf>} */
  const segments = []
  if (asked > createdAt) segments.push({ is: 'queue', from: createdAt, to: asked })
  if (started > asked) segments.push({ is: 'ask', from: asked, to: started })
  if (startedAt === null) return segments
  const ran = endedAt !== null && typeof ranMs === 'number' ? Math.min(end, startedAt + ranMs) : end
  segments.push({ is: 'run', from: startedAt, to: ran })
  if (ran < end) segments.push({ is: 'callback', from: ran, to: end })
  return segments
}
