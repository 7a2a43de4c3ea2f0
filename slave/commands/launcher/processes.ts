// The processes of a run, as the kernel shows them (Linux; elsewhere none are seen). In a PID namespace they
// are all but the launcher. Without one they are those of the program's session, their children, and those
// that have the attempt among their variables: a process that takes care to lose all three is not found.

import { readdirSync, readFileSync } from 'node:fs'

/** What the processes of a run take. Times in milliseconds, memory in bytes. */
export type Use = {
  count: number
  threads: number
  cpuMs: number
  rssBytes: number
  rssBytesMax: number
}

/** Linux counts in hundredths of a second, whatever its own tick is. */
const TICK_MS = 10
const SELF = String(process.pid)

/** A line of /proc/<pid>/stat. */
type Stat = {
  pid: string
  state: string
  parent: string
  group: string
  session: string
  ticks: number
  children: number
}

/** Ids of all processes but this one. */
const idsOfAll = (): string[] => {
  try {
    return readdirSync('/proc').filter((name) => name !== SELF && /^\d+$/.test(name))
  } catch {
    return []
  }
}

/**
 * Whether this namespace has nothing but its first process: no other one, not even one that has ended and was
 * not waited for, and no shared memory, semaphores or queues, which outlive processes.
 */
export const isAlone = (): boolean =>
  idsOfAll().length === 0 &&
  ['shm', 'sem', 'msg'].every((name) => isEmptyTable(`/proc/sysvipc/${name}`))

const isEmptyTable = (path: string): boolean => (textOf(path)?.trim().split('\n').length ?? 1) <= 1

/** Ids of the processes of a run without a namespace. `leader`: the program. */
export function idsOfRun(leader: number, attempt: string): string[] {
  const stats = idsOfAll().flatMap((id) => statOf(id) ?? [])
  const found = new Set<string>()
  const first = String(leader)
  for (const { pid, group, session } of stats) {
    if (pid === first || group === first || session === first || isMarked(pid, attempt))
      found.add(pid)
  }
  for (let before = -1; before !== found.size; ) {
    before = found.size
    for (const { pid, parent } of stats) if (found.has(parent)) found.add(pid)
  }
  return stats.filter(({ pid, state }) => found.has(pid) && state !== 'Z').map(({ pid }) => pid)
}

/** What these processes take now; null when none is there. */
export function useOf(ids: string[] = idsOfAll()): Use | null {
  const use: Use = { count: 0, threads: 0, cpuMs: 0, rssBytes: 0, rssBytesMax: 0 }
  for (const id of ids) {
    const stat = statOf(id)
    const status = stat && textOf(`/proc/${id}/status`)
    if (!stat || status === undefined) continue
    const field = (name: string): number =>
      Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0)
    use.count++
    use.threads += field('Threads')
    use.cpuMs += (stat.ticks + stat.children) * TICK_MS
    use.rssBytes += field('VmRSS') * 1024
    use.rssBytesMax = Math.max(use.rssBytesMax, field('VmHWM') * 1024)
  }
  return use.count === 0 ? null : use
}

/** Processor time of the children of this process that have ended, in milliseconds; null where unknown. */
export function cpuOfEnded(): number | null {
  const stat = statOf('self')
  return stat ? stat.children * TICK_MS : null
}

function statOf(id: string): Stat | undefined {
  const text = textOf(`/proc/${id}/stat`)
  if (text === undefined) return undefined
  // The name of the program stands in parentheses and may contain some.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state = '', parent = '', group = '', session = ''] = fields
  const number = (n: number): number => Number(fields[n] ?? 0)
  return {
    pid: id,
    state,
    parent,
    group,
    session,
    ticks: number(11) + number(12),
    children: number(13) + number(14),
  }
}

const isMarked = (id: string, attempt: string): boolean =>
  textOf(`/proc/${id}/environ`)?.split('\0').includes(`ASKFIRST_ATTEMPT=${attempt}`) ?? false

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
