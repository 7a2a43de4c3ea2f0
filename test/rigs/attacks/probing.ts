// Talks to the process that asks /healthz (probe.ts).

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** What a probe has seen. Times in milliseconds. */
export type Seen = {
  count: number
  /** Less the machine's delay. */
  slowestMs: number
  withMachineMs: number
  failures: string[]
}

export function createProbe(child: ChildProcess) {
  let before: Seen = { count: 0, slowestMs: 0, withMachineMs: 0, failures: [] }
  let isBegun = false

  return {
    async begin(pid: number): Promise<void> {
      const begun = once(child, 'message')
      child.send({ begin: pid })
      await begun
      isBegun = true
    },
    /** Gives what was seen since the first begin. */
    async pause(): Promise<Seen> {
      if (!isBegun) return before
      isBegun = false
      const answered = once(child, 'message') as Promise<[Seen]>
      child.send('pause')
      const [seen] = await answered
      before = {
        count: before.count + seen.count,
        slowestMs: Math.max(before.slowestMs, seen.slowestMs),
        withMachineMs: Math.max(before.withMachineMs, seen.withMachineMs),
        failures: [...before.failures, ...seen.failures],
      }
      return before
    },
    close: () => void child.kill(),
  }
}
