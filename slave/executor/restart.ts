// When a pool may start children again after some have died.

/** The pause doubles from the first to the second. In milliseconds. */
const RESTART_MS_MIN = 100
const RESTART_MS_MAX = 10_000

/** One pause for all children that die at start-up during it. It doubles until a child computes. */
export function createRestart(onDue: () => void) {
  let timer: NodeJS.Timeout | undefined
  let pauseMs = 0
  let failures = 0

  function fire() {
    timer = undefined
    onDue()
  }

  return {
    isDue: () => timer === undefined,
    delay() {
      if (timer) return
      failures++
      pauseMs = Math.min(Math.max(RESTART_MS_MIN, pauseMs * 2), RESTART_MS_MAX)
      timer = setTimeout(fire, pauseMs)
    },
    reset() {
      pauseMs = 0
    },
    /** A child is ready. */
    started() {
      failures = 0
    },
    /** Pauses since a child was ready. */
    failures: () => failures,
    close() {
      clearTimeout(timer)
    },
  }
}
