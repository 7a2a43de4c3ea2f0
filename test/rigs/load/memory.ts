// The resident memory of processes, sampled once a second. Linux only: elsewhere nothing is known.

import { spreadOf } from '../bench/summary.ts'
import { memoryMib } from '../cluster/proc.ts'

const EVERY_MS = 1000

export type Memory = ReturnType<typeof watchMemory>

/** Samples until closed. */
export function watchMemory(pids: Map<string, number>) {
  const samples: { at: number; mib: Map<string, number> }[] = []
  const look = (): void => {
    const mib = new Map(
      [...pids].map(([name, pid]) => [name, memoryMib(pid, 'VmRSS') ?? Number.NaN]),
    )
    samples.push({ at: performance.now(), mib })
  }
  const timer = setInterval(look, EVERY_MS)
  look()
  return {
    /** The median of each process between two times, in MiB; NaN where it is not known. */
    between(from: number, to: number): Map<string, number> {
      const some = samples.filter(({ at }) => at >= from && at <= to)
      const median = (name: string): number =>
        spreadOf(some.map(({ mib }) => mib.get(name) ?? Number.NaN)).median
      return new Map([...pids.keys()].map((name) => [name, median(name)]))
    },
    close: () => clearInterval(timer),
  }
}
