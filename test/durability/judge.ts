// Judges a trace of system calls: was each promise preceded by a sync of what it promises? Knows
// nothing of the master but what it says on its sockets and writes to its log.

export type Verdict = {
  /** How many promises were made: 202s, and attempts acknowledged. */
  promises: number
  /** Those that were not synced, in words. */
  broken: string[]
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g

/** `trace` is the output of `strace -f -y`: one call per line, in order. */
export function judge(trace: string): Verdict {
  /** The line of the last write to the log that names the task. */
  const written = new Map<string, number>()
  const taskOf = new Map<string, string>()
  const broken: string[] = []
  let promises = 0
  let synced = -1

  trace.split('\n').forEach((line, at) => {
    const [, call, path] = /^\d+\s+(\w+)\(\d+<([^>]*)>/.exec(line) ?? []
    if (!call || path === undefined) return
    if (path.endsWith('-wal')) {
      if (call === 'fdatasync' || call === 'fsync') synced = at
      else if (call !== 'read') for (const [id] of line.matchAll(UUID)) written.set(id, at)
      return
    }
    const text = line.replaceAll('\\"', '"')
    if (call === 'read') {
      for (const [, attempt, task] of text.matchAll(/"attempt":"([^"]+)","task":"([^"]+)"/g)) {
        taskOf.set(attempt as string, task as string)
      }
      return
    }
    if (text.includes('HTTP/1.1 202 ')) {
      const id = /"id":"([^"]+)"/.exec(text)?.[1] ?? ''
      promise(`202 for ${id}`, id, at)
    }
    const acknowledged = /"acknowledged":\[([^\]]+)\]/.exec(text)?.[1]
    for (const [, attempt] of acknowledged?.matchAll(/"([^"]+)"/g) ?? []) {
      promise(`acknowledged ${attempt}`, taskOf.get(attempt as string) ?? '', at)
    }
  })
  return { promises, broken }

  function promise(words: string, task: string, at: number): void {
    promises++
    const wrote = written.get(task)
    if (wrote === undefined) broken.push(`line ${at}: ${words}, never written`)
    else if (synced < wrote)
      broken.push(`line ${at}: ${words}, written at ${wrote}, not synced since`)
  }
}
