// Looks for functions of expressions that cost more than their charge: calls every function of the
// allow-list with generated arguments of growing size and compares the CPU time of this thread with
// the steps that were charged. What is blamed was measured again, five times, by the least of them.

import { Script } from 'node:vm'
import type { Random } from '../../../../shared/data/random.ts'
import { withSameChance } from '../../../../shared/kinds/expression/chance.ts'
import type { GuardedInstance } from '../../../../shared/kinds/expression/instance.ts'
import { createInstance } from '../../../../shared/kinds/expression/instance.ts'
import { LIMITS } from '../../../../shared/kinds/expression/limits.ts'
import { loadMathjs } from '../../../../shared/kinds/expression/mathjs.ts'
import type { Evaluate } from '../../../../shared/kinds/expression/mathjs-types.ts'
import { FUNCTIONS } from '../../../../shared/kinds/expression/names.ts'
import type { Sample, Verdict } from './judge.ts'
import { judge } from './judge.ts'
import type { Generated } from './values.ts'
import { createValues, OF_THREE, OF_TWO } from './values.ts'

export type Finding = Sample & Verdict & { call: string; message: string }
type Call = { name: string; arguments: readonly string[] }
type Measured = Sample & { message: string; isRefused: boolean }

/** From one to the next the size grows by four: judge.ts counts on it. */
const SIZES = [16, 64, 256, 1_024, 4_096, 16_384]
/** A call that took as long is not tried with larger arguments. */
const CPU_MS_ENOUGH = 150
const REPEATS = 5
/** A call that hangs is ended; the machine may be busy, so this is much more than it needs. */
const WALL_MS_MAX = 30_000
const LETTERS = ['a', 'b', 'c']
const OPERATORS = ['and', 'or', 'xor', 'mod', 'to']
const NOT_TAKEN = /Unexpected type|Too (few|many)|Cannot (implicitly )?convert|Wrong number of arg/

export const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** Every call: functions with one argument, with two, with three. */
export function* allCalls(only: readonly string[] = []): Generator<Call> {
  const known = Object.values(FUNCTIONS).flat() as string[]
  const names = only.length > 0 ? only : known
  const ofOne = createValues(createInstance(loadMathjs(), 'number').math).names
  for (const name of names) for (const a of ofOne) yield { name, arguments: [a] }
  for (const name of names)
    for (const a of OF_TWO) for (const b of OF_TWO) yield { name, arguments: [a, b] }
  for (const name of names)
    for (const a of OF_THREE)
      for (const b of OF_THREE) for (const c of OF_THREE) yield { name, arguments: [a, b, c] }
}

/** Some of them, in an order that the seed decides. */
export function* someCalls(random: Random): Generator<Call> {
  const calls = [...allCalls()]
  for (;;) yield calls[Math.floor(random.next() * calls.length)] as Call
}

/** Tries calls until there are no more or the CPU time is used up. */
export function findCostlyCalls(
  calls: Iterable<Call>,
  cpuMsMax: number,
  tell: (finding: Finding) => void,
): { tried: number; taken: number } {
  const began = cpuMs()
  const count = { tried: 0, taken: 0 }
  let bench = createBench()
  for (const call of calls) {
    if (cpuMs() - began > cpuMsMax) break
    count.tried += 1
    const { findings, wasTaken, isHung } = bench.tryCall(call)
    if (wasTaken) count.taken += 1
    for (const finding of findings) tell(finding)
    if (isHung) bench = createBench()
  }
  return count
}

function createBench() {
  const instance = createInstance(loadMathjs(), 'number')
  const values = createValues(instance.math)
  const compiled = new Map<string, Evaluate>()

  function evaluateOf(call: Call): Evaluate {
    const text = textOf(call)
    let evaluate = compiled.get(text)
    if (!evaluate) {
      evaluate = instance.compile(instance.parse(text))
      compiled.clear()
      compiled.set(text, evaluate)
    }
    return evaluate
  }

  return {
    /** One call at growing sizes, until it is refused, costs enough or is to blame. */
    tryCall(call: Call) {
      const evaluate = evaluateOf(call)
      const findings: Finding[] = []
      let before: Measured | undefined
      for (const n of SIZES) {
        const made = call.arguments.map((name) => values.make(name, n))
        const measured = measure(instance, evaluate, made, n)
        if (NOT_TAKEN.test(measured.message) && !measured.isRefused && measured.cpuMs < 8)
          return { findings, wasTaken: before !== undefined, isHung: false }
        const verdict = confirmed(before, measured, () => measure(instance, evaluate, made, n))
        const isHung = measured.message === HUNG
        if (verdict)
          findings.push({ ...verdict, call: `${call.name}(${call.arguments.join(', ')})` })
        if (verdict || isHung || measured.isRefused || measured.cpuMs > CPU_MS_ENOUGH)
          return { findings, wasTaken: true, isHung }
        before = measured
      }
      return { findings, wasTaken: true, isHung: false }
    },
  }
}

function textOf({ name, arguments: given }: Call): string {
  const args = given.map((one, place) => (one === 'callback' ? 'abs' : LETTERS[place]))
  if (name === 'not' && args.length === 1) return `not ${args[0]}`
  if (OPERATORS.includes(name) && args.length === 2) return `${args[0]} ${name} ${args[1]}`
  return name === 'not' || OPERATORS.includes(name) ? '1' : `${name}(${args.join(', ')})`
}

/** Measured again before it is blamed: the least of several times is the call's own. */
function confirmed(
  before: Measured | undefined,
  first: Measured,
  again: () => Measured,
): (Verdict & Sample & { message: string }) | undefined {
  if (!judge(before, first)) return undefined
  let least = first
  for (let left = REPEATS; left > 0 && first.cpuMs < 1_000; left--) {
    const one = again()
    if (one.cpuMs < least.cpuMs) least = one
    if (!judge(before, least)) return undefined
  }
  const verdict = judge(before, least)
  return verdict && { ...least, ...verdict }
}

const HUNG = 'was ended: it took too long'
const RUN = new Script('runOfCostFuzz()')

function measure(
  { meter, start }: GuardedInstance,
  evaluate: Evaluate,
  made: readonly Generated[],
  n: number,
): Measured {
  const scope = new Map<string, unknown>()
  for (const [place, one] of made.entries())
    if ('value' in one) scope.set(LETTERS[place] as string, one.value)
  start()
  let message = ''
  // The time limit starts a thread, which takes as long as a small call: it is not counted.
  let began = 0
  let ended = 0
  try {
    withTimeLimit(() => {
      began = cpuMs()
      try {
        withSameChance(() => evaluate(scope, {}, null))
      } finally {
        ended = cpuMs()
      }
    })
  } catch (error) {
    const { code, message: said } = error as Error & { code?: string }
    message = code === 'ERR_SCRIPT_EXECUTION_TIMEOUT' ? HUNG : String(said)
  }
  const took = (ended || cpuMs()) - began
  const failure = meter.failure()
  const isRefused = failure !== undefined
  const steps = isRefused ? LIMITS.stepsMax : LIMITS.stepsMax - meter.left()
  return {
    n,
    cpuMs: took,
    steps,
    isRefused,
    isThrown: !isRefused && message !== '',
    message: failure?.message ?? message,
  }
}

/** A script's time limit also ends what it calls. */
function withTimeLimit(run: () => unknown): void {
  Object.assign(globalThis, { runOfCostFuzz: run })
  RUN.runInThisContext({ timeout: WALL_MS_MAX })
}
