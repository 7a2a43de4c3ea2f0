// By itself, so that a command that only wants to say "wrong usage" need not load all of the settings:
// that would double the time to its start.

/** A mistake of whoever started the program: one line, no stack. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** The disk is full: the same start works once there is room. One line, no stack. */
export class NoRoomError extends Error {
  override name = 'NoRoomError'
}

/** The error as a NoRoomError if a full disk caused it, else null. */
export function noRoomOf(error: unknown): NoRoomError | null {
  if (error instanceof NoRoomError) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (code !== 'ENOSPC') return null
  return new NoRoomError(`${message}: free space on that disk`, { cause: error })
}
