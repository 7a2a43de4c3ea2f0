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

/** Lets so much time go by, in which something must not happen. Gives how much it was by the clock. */
export async function pass(ms: number): Promise<number> {
  const beganAt = performance.now()
  for (let waitedMs = 0; waitedMs < ms; ) waitedMs += await tick()
  return Math.round(performance.now() - beganAt)
}

/** The master fails for so long. */
const FAILING_MS = 2_000

/**
 * Lets the master fail for a while. `tries`: how often a slave that rests tries in FAILING_MS at most. Gives
 * how often it may have tried meanwhile, in words too.
 */
export async function failAWhile(tries: number): Promise<{ triesMax: number; words: string }> {
  const passedMs = await pass(FAILING_MS)
  const triesMax = Math.ceil((tries * passedMs) / FAILING_MS)
  return { triesMax, words: `at most ${triesMax} tries in ${passedMs} ms` }
}

async function tick(): Promise<number> {
  const before = performance.now()
  await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  return Math.min(TICK_MS_MAX, performance.now() - before)
}
