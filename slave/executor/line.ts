// The runs of a pool that no member has been sent.

export type Line<Entry extends { place: unknown }> = ReturnType<typeof createLine<Entry>>

/** First come, first served; the killed stay in it, marked, until they come to the front. */
export function createLine<Entry extends { place: unknown }>() {
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
    /** One that waits was marked. */
    forget() {
      length--
    },
    clear,
  }
}
