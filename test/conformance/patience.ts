// Waiting for a fact. Patience is counted in this process's own ticks, not by the clock: a machine
// that stands still for a minute does not make a slave late.

const TICK_MS = 25
/** One tick counts at most this much, however long it took. */
const TICK_MS_MAX = 100

/** Whether `holds` became true within `mostMs`, looking again every few milliseconds. */
export async function cameTrue(
  holds: () => boolean | Promise<boolean>,
  mostMs: number,
): Promise<boolean> {
  let waitedMs = 0
  while (!(await holds())) {
    if (waitedMs >= mostMs) return false
    waitedMs += await tick()
  }
  return true
}

/** Lets so much time go by, in which something must not happen. */
export async function pass(ms: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < ms; ) waitedMs += await tick()
}

async function tick(): Promise<number> {
  const before = performance.now()
  await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  return Math.min(TICK_MS_MAX, performance.now() - before)
}
