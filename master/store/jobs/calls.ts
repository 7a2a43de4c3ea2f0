// The calls of the jobs' file as messages between the main thread and the file's thread.

import { NoRoomError } from '../../../shared/process/usage-error.ts'
import { StoreBrokenError } from '../guard.ts'
import { StoreRefusedError } from '../sqlite-open.ts'
import { StoreFullError } from '../store.ts'
import type { JobsFile } from './sqlite.ts'

type Table = 'jobs' | 'blobs'

/** Calls a function of the file. */
export type Call = <T extends Table, N extends keyof JobsFile[T]>(
  table: T,
  name: N,
  ...args: ArgsOf<T, N>
) => Promise<ResultOf<T, N>>

type FunctionOf<T extends Table, N extends keyof JobsFile[T]> = JobsFile[T][N] extends (
  ...args: infer A
) => infer R
  ? { args: A; result: R }
  : never
type ArgsOf<T extends Table, N extends keyof JobsFile[T]> = FunctionOf<T, N>['args']
type ResultOf<T extends Table, N extends keyof JobsFile[T]> = FunctionOf<T, N>['result']

/** From the main thread. Replies come in the order of the calls. */
export type Request =
  | { do: 'call'; table: Table; name: PropertyKey; args: readonly unknown[] }
  | { do: 'close' }

/** To the main thread. */
export type Reply =
  | { is: 'opened' }
  | { is: 'result'; value: unknown }
  | { is: 'failure'; failure: Failure }
  /** Not a reply to a call: the file is damaged or gone. */
  | { is: 'broken'; failure: Failure }

/** An error between threads, which keep no classes. */
export type Failure = {
  of: 'full' | 'broken' | 'refused' | 'no-room' | 'other'
  message: string
  stack: string
}

/** Runs a call in the thread of the file. The types of `Call` have checked name and arguments. */
export function run(
  file: JobsFile,
  { table, name, args }: { table: Table; name: PropertyKey; args: readonly unknown[] },
): unknown {
  return Reflect.apply(Reflect.get(file[table], name), undefined, args)
}

export function failureOf(error: Error): Failure {
  const { message, stack = message } = error
  return { of: kindOf(error), message, stack }
}

function kindOf(error: Error): Failure['of'] {
  if (error instanceof StoreFullError) return 'full'
  if (error instanceof StoreBrokenError) return 'broken'
  if (error instanceof StoreRefusedError) return 'refused'
  return error instanceof NoRoomError ? 'no-room' : 'other'
}

export function errorOf({ of, message, stack }: Failure): Error {
  switch (of) {
    case 'full':
      return new StoreFullError(message)
    case 'broken':
      return new StoreBrokenError(message)
    case 'refused':
      return new StoreRefusedError(message)
    case 'no-room':
      return new NoRoomError(message)
    case 'other':
      return Object.assign(new Error(message), { stack })
  }
}
