// When a run ends early (`--halt`), as GNU parallel decides it: after so many, or such a share, of the inputs
// have failed, succeeded or ended. Pure.

import { UsageError } from '../../../shared/process/usage-error.ts'

/** `soon`: starts nothing more. `now`: also cancels what runs. */
export type HaltWhen = 'soon' | 'now'
export type Halt = {
  when: HaltWhen
  what: 'fail' | 'success' | 'done'
  limit: { count: number } | { percent: number }
}
export type Tally = { succeeded: number; failed: number }

const FORM = /^(?<when>soon|now),(?<what>fail|success|done)=(?<number>\d+)(?<percent>%)?$/
/** Short forms. */
const SHORT: Record<string, string> = { 1: 'soon,fail=1', 2: 'now,fail=1' }

/** Parses the option; null is `never`. Throws UsageError. */
export function parseHalt(text: string): Halt | null {
  if (text === 'never' || text === '0') return null
  const share = /^\d+%$/.test(text) ? `soon,fail=${text}` : text
  const { groups } = FORM.exec(SHORT[share] ?? share) ?? {}
  const number = Number(groups?.number ?? 0)
  if (!groups || number < 1 || (groups.percent !== undefined && number > 100)) {
    throw new UsageError(
      `--halt ${text} is not understood: it must be never, or such as soon,fail=1, now,fail=3 or soon,fail=20%`,
    )
  }
  return {
    when: groups.when as HaltWhen,
    what: groups.what as Halt['what'],
    limit: groups.percent === undefined ? { count: number } : { percent: number },
  }
}

/** Whether to end now. `total`: of all inputs; null while it is not known: then no share is reached. */
export function isReached(halt: Halt, tally: Tally, total: number | null): boolean {
  const { failed, succeeded } = tally
  const number = { fail: failed, success: succeeded, done: failed + succeeded }[halt.what]
  if ('count' in halt.limit) return number >= halt.limit.count
  return total !== null && number > 0 && number >= (total * halt.limit.percent) / 100
}
