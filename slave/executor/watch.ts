// When a pool looks at its members again.

/**
 * One timer for all members. `onDue` gives when it is due next. It is called after the pipes were
 * read: timers come first in a turn, and an agent that was held up would blame runs whose outcomes
 * lie there unread.
 */
export function createWatch(onDue: () => number) {
  let timer: NodeJS.Timeout | undefined
  let reading: NodeJS.Immediate | undefined
  let due = Number.POSITIVE_INFINITY
  let isClosed = false

  function at(time: number) {
    if (time >= due || isClosed) return
    clearTimeout(timer)
    due = time
    timer = setTimeout(fire, Math.max(1, Math.min(time - performance.now(), 2 ** 31 - 1)))
  }

  function fire() {
    reading ??= setImmediate(look)
  }

  function look() {
    reading = undefined
    clearTimeout(timer)
    due = Number.POSITIVE_INFINITY
    at(onDue())
  }

  return {
    at,
    close() {
      isClosed = true
      clearTimeout(timer)
      clearImmediate(reading)
    },
  }
}
