// The kernel's wall around a child that works on no files (Linux, with util-linux): once it is
// ready it can open no file, socket or pipe, whatever code runs in it, and what it has open cannot
// grow. Set from outside by the agent, so that nothing in the child can lift it.
//
//   --nofile=0   no new file descriptor: no open, socket, accept, dup
//   --fsize=12   a file ends at 12 bytes: the mark (channel.ts), the only one that it has open
//   --core=0     no memory on disk when it crashes
//
// It costs 2 ms at the start of a child, which takes half a second. Rejected: limits on the command
// line (the child must open its source first); Landlock (setpriv has it from util-linux 2.41 on).

import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { MARK_BYTES } from './channel.ts'
import { findProgram } from './spawn.ts'

const LIMITS = ['--nofile=0:0', `--fsize=${MARK_BYTES}:${MARK_BYTES}`, '--core=0:0']
const TIMEOUT_MS = 10_000

const run = promisify(execFile)

/** The program that sets limits of another process; undefined where there is none that works. */
export function findPrlimit(): string | undefined {
  const prlimit = process.platform === 'linux' ? findProgram('prlimit') : undefined
  if (!prlimit) return undefined
  // A container may forbid it: try.
  const tried = spawnSync(prlimit, ['--pid', String(process.pid), '--core'])
  return tried.status === 0 ? prlimit : undefined
}

/** Sets the limits of a process. Rejects with a sentence when that does not work. */
export async function confine(prlimit: string, pid: number): Promise<void> {
  await run(prlimit, ['--pid', String(pid), ...LIMITS], { timeout: TIMEOUT_MS }).catch(
    (error: Error) => {
      throw new Error(`could not be confined: ${error.message.trim()}`)
    },
  )
}
