// The queue of a pool: runs that were not sent to a member.

export type RunQueue<Entry extends { place: unknown }> = ReturnType<typeof createRunQueue<Entry>>

/** First come, first served. Killed runs stay in it, marked, until they reach the front. */
export function createRunQueue<Entry extends { place: unknown }>() {
  let waiting: Entry[] = []
  let start = 0
  let length = 0

  function clear() {
    waiting = []
    start = 0
    length = 0
  }

  function first(): Entry | undefined {
    while (start < waiting.length && waiting[start]!.place === 'forgotten') start++
    if (start === waiting.length) clear()
    return waiting[start]
  }

  return {
    length: () => length,
    push(entry: Entry) {
      waiting.push(entry)
      length++
    },
    first,
    /** Removes what first() gave. */
    shift() {
      start++
      length--
      if (start < 1024 || start * 2 < waiting.length) return
      waiting = waiting.slice(start)
      start = 0
    },
    unshift(back: Entry[]) {
      if (back.length === 0) return
      waiting = back.concat(waiting.slice(start))
      start = 0
      length += back.length
    },
    /** A run in the queue was marked. */
    forget() {
      length--
    },
    clear,
  }
}
