// What Linux says about other processes. Elsewhere, and of a process that has ended, nothing is known.

import { readdirSync, readFileSync } from 'node:fs'

/** A signal to a process that may be gone already. False when it is. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

/** It runs. A process that has ended and that nobody has waited for does not. */
export const isAlive = (pid: number): boolean =>
  signal(pid, 0) && !read(pid, 'stat').includes(') Z ')

/** The processes that it, or one of its threads, has started and not waited for yet. */
export function childrenOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const lists = threads.map((id) => readFileSync(`/proc/${pid}/task/${id}/children`, 'latin1'))
    return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number))
  } catch {
    return []
  }
}

/** Its resident memory in MiB: now (`VmRSS`), or the most so far (`VmHWM`). */
export function memoryMib(pid: number, which: 'VmRSS' | 'VmHWM'): number | null {
  const kib = new RegExp(`^${which}:\\s*(\\d+) kB$`, 'm').exec(read(pid, 'status'))?.[1]
  return kib === undefined ? null : Number(kib) / 1024
}

/** One tick of utime and stime, `getconf CLK_TCK`: 100 a second on every Linux of today. */
const TICK_US = 10_000

/** Processor time so far, in microseconds: its own, and that of children that it has waited for. */
export function cpuUs(pid: number): { self: number; reaped: number } {
  const text = read(pid, 'stat')
  // The command, in brackets, may hold spaces. After it: state is the 3rd field, utime the 14th.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const us = (field: number): number => Number(fields[field - 3] ?? 0) * TICK_US
  return { self: us(14) + us(15), reaped: us(16) + us(17) }
}

/** Its command line. Words are separated by NUL. */
export const commandLineOf = (pid: number): string => read(pid, 'cmdline')

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return ''
  }
}
