// What the exit codes of `askfirst` mean: those of BSD's sysexits where it has one, as the master's and
// the slave's own, so that a script can tell "try again later" from "this can never work".

import {
  isForNow,
  NoResultError,
  ProblemError,
  UnreachableError,
} from '../../shared/client/client.ts'
import { NoRoomError, UsageError } from '../../shared/process/usage-error.ts'

export const EXIT = {
  ok: [0, 'done'],
  failed: [1, 'a task or job failed, was cancelled or expired; or doctor found something'],
  usage: [64, 'the command line is wrong'],
  refusedInput: [65, 'the request is not valid: repeating it does not help'],
  notFound: [66, 'there is no such task, job, slave or file'],
  unreachable: [69, 'no master answered'],
  internal: [70, 'internal error'],
  notNow: [
    75,
    'temporarily refused, for example at capacity or because of a full disk: try again later',
  ],
  notAllowed: [77, 'the key is missing, not valid or not authorized'],
  stopped: [130, 'stopped by Ctrl-C or a signal'],
} as const satisfies Record<string, readonly [code: number, says: string]>

export type Exit = keyof typeof EXIT

/** By what an error ends the command. */
export function exitOf(error: unknown): Exit {
  if (error instanceof UsageError) return 'usage'
  if (error instanceof NoRoomError) return 'notNow'
  if (error instanceof UnreachableError) return 'unreachable'
  if (error instanceof NoResultError) return 'failed'
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'notFound'
  if (!(error instanceof ProblemError)) return 'internal'
  const { status } = error
  if (status === 401 || status === 403) return 'notAllowed'
  if (status === 404) return 'notFound'
  if (isForNow(error) || status === 504 || status === 507) return 'notNow'
  return status >= 500 ? 'internal' : 'refusedInput'
}
