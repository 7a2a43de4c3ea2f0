// Whether the load itself could run: where the whole machine stood still, no latency says anything
// about the master. Such times are left out of the latencies, and said.

const TICK_MS = 20
/** A tick later than this is a stall; of a busy machine it is not. */
const STALL_MS = 250
/** What was stopped needs about a heartbeat to be itself again. */
const AFTER_MS = 5_000

export type Span = { from: number; to: number }

export type Stalls = ReturnType<typeof watchStalls>

/** Watches until closed. */
export function watchStalls() {
  const stalls: Span[] = []
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    if (now - last > STALL_MS) stalls.push({ from: last, to: now })
    last = now
  }, TICK_MS)

  return {
    /** Those that no stall touches. */
    undisturbed: <T extends Span>(all: T[]): T[] =>
      all.filter(
        (one) => !stalls.some(({ from, to }) => one.from < to + AFTER_MS && one.to > from),
      ),
    close: () => clearInterval(timer),
    get count() {
      return stalls.length
    },
  }
}
