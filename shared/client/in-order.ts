// Many things at once, and their results in the order of the things. Bounded twice: how many run, and
// how many are ahead of the oldest that has not ended, so that one that is slow does not make the
// results of all the others pile up.

/** Runs `run` for each of `source`; at most `atOnce` run, at most `ahead` are kept. Throws its errors. */
export async function* inOrder<T, R>(
  source: AsyncIterable<T> | Iterable<T>,
  { atOnce, ahead }: { atOnce: number; ahead: number },
  run: (each: T) => Promise<R>,
): AsyncGenerator<R, void, void> {
  const started: Promise<R>[] = []
  let running = 0
  let over = false
  let broken: { error: unknown } | undefined
  let wake = Promise.withResolvers<void>()
  const changed = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }

  const pump = (async () => {
    try {
      for await (const each of source) {
        while (!over && (running >= atOnce || started.length >= ahead)) await wake.promise
        if (over) return
        running++
        const result = run(each).finally(() => {
          running--
          changed()
        })
        // Whoever awaits it in its turn hears of it; until then nobody must miss a handler.
        result.catch(() => {})
        started.push(result)
        changed()
      }
    } catch (error) {
      broken = { error }
    } finally {
      over = true
      changed()
    }
  })()

  try {
    for (;;) {
      while (started.length === 0 && !over) await wake.promise
      const next = started[0]
      if (next === undefined) break
      const result = await next
      void started.shift()
      changed()
      yield result
    }
    if (broken) throw broken.error
  } finally {
    over = true
    changed()
    await pump
  }
}

/** Lists of what comes, as long as `isFull` of them does not say that they are complete. */
export async function* inLists<T>(
  source: AsyncIterable<T> | Iterable<T>,
  isFull: (list: T[], next: T) => boolean,
): AsyncGenerator<T[], void, void> {
  let list: T[] = []
  for await (const each of source) {
    if (list.length > 0 && isFull(list, each)) {
      yield list
      list = []
    }
    list.push(each)
  }
  if (list.length > 0) yield list
}
