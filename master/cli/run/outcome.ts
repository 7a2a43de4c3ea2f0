// What became of one input, as it is recorded and printed: made from the task as it ended. Pure.

import { constants } from 'node:os'
import type { EndedTask, ProblemError, TaskFile } from '../../../shared/client/client.ts'
import type { CommandResult } from '../../../shared/kinds/command.ts'

/** The outcome of one input. */
export type Ended = {
  /** Its number, from 1, and the hash of what it is. */
  n: number
  input: string
  /** What the user calls it. */
  label: string
  task: string | null
  slave: string | null
  /** The exit code of the program; 128 and the number of the signal that ended it; 1 without either. */
  exit: number
  /** Why it failed, in words. */
  failure?: { type: string; message: string }
  /** The end of what it printed, and how much of it is left out. */
  stdout: string
  stderr: string
  omitted?: { stdout: number; stderr: number }
}

/** Exit code of an input whose program did not run to its end. */
const NO_EXIT = 1
/** A longer one is recorded cut off. */
const LABEL_CHARS = 1000
/** The slave keeps so much of what a program prints. In bytes. */
const TAIL_BYTES = 64 * 1024

/** The input that it is of. */
export type Of = { n: number; hash: string; label: string }

export function outcomeOf(of: Of, task: EndedTask): Ended {
  const result = resultOf(task)
  const about = { ...ofInput(of), task: task.id, slave: task.slave ?? null }
  const printed = {
    stdout: result.stdout ?? '',
    stderr: result.stderr ?? '',
    ...omittedOf(result),
  }
  switch (task.status) {
    case 'done':
      return { ...about, exit: 0, ...printed }
    case 'failed': {
      const { type, message } = task.failure
      return {
        ...about,
        exit: exitOf(task.failure, result),
        failure: { type, message },
        ...printed,
      }
    }
    case 'cancelled':
    case 'expired': {
      const failure = { type: task.status, message: `the task is ${task.status}` }
      return { ...about, exit: NO_EXIT, failure, ...printed }
    }
  }
}

/** The outcome of an input that the master refused. */
export const refusedOf = (of: Of, { type, message }: ProblemError): Ended =>
  failedOf(of, { type, message })

/** The outcome of an input that failed here. */
export const failedOf = (of: Of, failure: { type: string; message: string }): Ended => ({
  ...ofInput(of),
  task: null,
  slave: null,
  exit: NO_EXIT,
  failure,
  stdout: '',
  stderr: '',
})

const ofInput = ({ n, hash, label }: Of) => ({
  n,
  input: hash,
  label: label.slice(0, LABEL_CHARS),
})

/** The files that the run left. */
export function filesOf(task: EndedTask): TaskFile[] {
  const of: { id: string; files?: unknown } = task
  const found = of.files ?? failureOf(task)?.files
  return Array.isArray(found) ? found.filter(isTaskFile) : []
}

const isTaskFile = (file: unknown): file is TaskFile =>
  typeof file === 'object' &&
  file !== null &&
  'name' in file &&
  'sha256' in file &&
  typeof file.name === 'string' &&
  typeof file.sha256 === 'string'

type Result = Partial<CommandResult>
type Failure = {
  type: string
  exitCode?: number | null
  signal?: string | null
  result?: unknown
  files?: unknown
}

const failureOf = (task: EndedTask): Failure | null =>
  task.status === 'failed' ? task.failure : null

/** Also that of a program that failed; only fields of their types. */
function resultOf(task: EndedTask): Result {
  const of: { id: string; result?: unknown } = task
  const found = of.result ?? failureOf(task)?.result
  if (typeof found !== 'object' || found === null) return {}
  return Object.fromEntries(
    Object.entries(found).filter(([name, value]) => typeof value === RESULT_TYPES[name]),
  )
}

const RESULT_TYPES: Record<string, string> = {
  exitCode: 'number',
  signal: 'string',
  stdout: 'string',
  stderr: 'string',
  stdoutBytes: 'number',
  stderrBytes: 'number',
}

function exitOf(failure: Failure, result: Result): number {
  const signal = failure.signal ?? result.signal ?? null
  if (signal !== null) {
    const number = constants.signals[signal as NodeJS.Signals] as number | undefined
    return 128 + (number ?? 0)
  }
  return failure.exitCode || result.exitCode || NO_EXIT
}

function omittedOf({ stdoutBytes = 0, stderrBytes = 0 }: Result): Pick<Ended, 'omitted'> {
  const omitted = {
    stdout: Math.max(0, stdoutBytes - TAIL_BYTES),
    stderr: Math.max(0, stderrBytes - TAIL_BYTES),
  }
  return omitted.stdout + omitted.stderr === 0 ? {} : { omitted }
}
