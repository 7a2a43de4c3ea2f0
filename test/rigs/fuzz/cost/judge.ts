// Decides whether a call costs more CPU time than the steps it was charged. Pure: the samples of one
// call at growing sizes go in, a verdict comes out.

export type Sample = {
  /** Size of the generated arguments. */
  n: number
  cpuMs: number
  /** Charged; a refused call counts as all the steps that one expression has. */
  steps: number
  /** It threw, and not for a limit. */
  isThrown?: boolean
}
export type Verdict = { why: 'growth' | 'rate' | 'error'; nsPerStep: number; factor: number }

/** 4,000,000 steps may take 20 s of CPU time on a busy machine, half of it on an idle one. */
export const NS_PER_STEP_MAX = 5_000
/** Below this a sample is noise of the clock and of the compiler. */
const CPU_MS_MIN = 0.4
/** Growth is blamed only from here: a call that stays below it costs nobody anything. */
const GROWN_CPU_MS_MIN = 8
const GROWN_NS_PER_STEP_MIN = 1_500
/** A call that throws ends the whole expression: what it costs is spent once. */
const THROWN_CPU_MS_MAX = 1_000
/** From n to 4n the time of a call that is charged exactly grows as the charge does: factor 1. */
const FACTOR_MAX = 2.5

const nsPerStep = ({ cpuMs, steps }: Sample) => (cpuMs * 1e6) / Math.max(1, steps)

/** What is wrong with the last sample, if anything. `before` is the same call at a quarter of n. */
export function judge(before: Sample | undefined, last: Sample): Verdict | undefined {
  if (last.cpuMs < CPU_MS_MIN) return undefined
  const rate = nsPerStep(last)
  if (last.isThrown) {
    if (last.cpuMs < THROWN_CPU_MS_MAX || rate < NS_PER_STEP_MAX) return undefined
    return { why: 'error', nsPerStep: rate, factor: 1 }
  }
  const factor = before && before.cpuMs >= CPU_MS_MIN ? rate / nsPerStep(before) : 1
  if (rate > NS_PER_STEP_MAX) return { why: 'rate', nsPerStep: rate, factor }
  const isCostly = last.cpuMs >= GROWN_CPU_MS_MIN && rate >= GROWN_NS_PER_STEP_MIN
  if (isCostly && factor > FACTOR_MAX) return { why: 'growth', nsPerStep: rate, factor }
  return undefined
}

/**
 * What one step of an event loop took: CPU time of its thread, the time that passed, and besides what its
 * thread waited for a processor.
 */
export type Step = { cpuMs: number; wallMs: number; queuedMs: number }

/** A master serves every request within this, whatever else it does. */
export const STEP_MS_MAX = 200

/**
 * The longest of some steps, by CPU time and by the time that passed beyond what the machine took from
 * a control process in the same while. Either may be too long: a wait for the disk takes no CPU time.
 */
export function longestStep(
  steps: readonly Step[],
  machineMs: number,
): Step & { isTooLong: boolean } {
  const cpuMs = Math.max(0, ...steps.map((step) => step.cpuMs))
  const wallMs = Math.max(0, ...steps.map((step) => step.wallMs - machineMs))
  const queuedMs = Math.max(0, ...steps.map((step) => step.queuedMs))
  return { cpuMs, wallMs, queuedMs, isTooLong: cpuMs > STEP_MS_MAX || wallMs > STEP_MS_MAX }
}
