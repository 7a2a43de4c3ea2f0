// When a pool checks its members.

/**
 * One timer for all members. `onDue` returns when it is due next. It is called after the pipes were read:
 * timers are first in a turn of the event loop, and an agent that was delayed would blame runs whose
 * outcomes are still in the pipes.
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
