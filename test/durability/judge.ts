// Judges a trace of system calls: was each promise preceded by a sync of what it promises? Knows
// nothing of the master but what it says on its sockets and writes to its log.

export type Verdict = {
  /** How many promises were made: 202s, and attempts acknowledged. */
  promises: number
  /** Those that were not synced, in words. */
  broken: string[]
}

/** A row: a task's id, and right behind it its status. A page of the log has many, old and new. */
const ROW = /([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})(done)?/g

/** `trace` is the output of `strace -f -y`: one call per line, in order. */
export function judge(trace: string): Verdict {
  /** The line at which the log first has the task, and first has it as done. */
  const accepted = new Map<string, number>()
  const done = new Map<string, number>()
  const taskOf = new Map<string, string>()
  const broken: string[] = []
  let promises = 0
  let synced = -1

  /** Syncs that began and have not ended, by thread: the line at which they began. */
  const syncing = new Map<string, number>()

  trace.split('\n').forEach((line, at) => {
    const [, thread = '', resumed] = /^(\d+)\s+<\.\.\. (\w+) resumed>/.exec(line) ?? []
    if (resumed === 'fdatasync' || resumed === 'fsync') {
      synced = Math.max(synced, syncing.get(thread) ?? -1)
      syncing.delete(thread)
    } else if (resumed === 'read') hear(line)
    const [, call, path] = /^\d+\s+(\w+)\(\d+<([^>]*)>/.exec(line) ?? []
    if (!call || path === undefined) return
    if (path.endsWith('-wal')) {
      if (call === 'fdatasync' || call === 'fsync') {
        if (line.endsWith('<unfinished ...>')) syncing.set(/^\d+/.exec(line)?.[0] ?? '', at)
        else synced = at
      } else if (call !== 'read') {
        for (const [, id = '', isDone] of line.matchAll(ROW)) {
          if (!accepted.has(id)) accepted.set(id, at)
          if (isDone && !done.has(id)) done.set(id, at)
        }
      }
      return
    }
    if (call === 'read') {
      hear(line)
      return
    }
    const text = line.replaceAll('\\"', '"')
    if (text.includes('HTTP/1.1 202 ')) {
      const id = /"id":"([^"]+)"/.exec(text)?.[1] ?? ''
      promise(`202 for ${id}`, accepted.get(id), at)
    }
    const acknowledged = /"acknowledged":\[([^\]]+)\]/.exec(text)?.[1]
    for (const [, attempt] of acknowledged?.matchAll(/"([^"]+)"/g) ?? []) {
      promise(`acknowledged ${attempt}`, done.get(taskOf.get(attempt as string) ?? ''), at)
    }
  })
  return { promises, broken }

  /** What the master reads tells which attempt is of which task. */
  function hear(line: string): void {
    const text = line.replaceAll('\\"', '"')
    for (const [, attempt = '', task = ''] of text.matchAll(
      /"attempt":"([^"]+)","task":"([^"]+)"/g,
    )) {
      taskOf.set(attempt, task)
    }
  }

  function promise(words: string, wrote: number | undefined, at: number): void {
    promises++
    if (wrote === undefined) broken.push(`line ${at}: ${words}, never written`)
    else if (synced < wrote)
      broken.push(`line ${at}: ${words}, written at ${wrote}, not synced since`)
  }
}
