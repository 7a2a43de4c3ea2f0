// What the agent and a launcher tell each other: lines of JSON, orders on the launcher's stdin, news on its
// fd 3. A launcher runs one program at a time.
//
//   starting --ready--> idle --order--> running --ended (clean)--> idle
//                                          |  \--ended (not clean)--> ends; its namespace goes with it
//                                          '--stop: SIGTERM, SIGKILL after the grace, then ended as above

import type { Outcome } from '../../shared/protocol/wire.ts'

/** How all processes of a run are ended. */
export type Containment = 'pid-namespace' | 'process-group'

/** What a launcher is started with. */
export type LauncherSettings = {
  containment: Containment
  /** The launcher has a mount namespace: its folders stand in place of /tmp, /var/tmp and /dev/shm. */
  hidden: boolean
  /** Whom programs run as; null: as the agent. */
  owner: { uid: number; gid: number } | null
  /** The program that sets limits, where it is installed. */
  prlimit: string | null
  graceMs: number
  tailBytesMax: number
  limits: Limits
}

export type Limits = {
  memoryBytesMax: number
  processesMax: number
  /** The kernel counts the processes of a user, in all runs together. */
  userProcessesMax: number
  diskBytesMax: number
}

/** A run. Its files stand in `folder`; what it prints goes to files of the launcher's folder when wanted. */
export type Order = {
  attempt: string
  /** As the client says it. */
  name: string
  path: string
  args: string[]
  stdin: string
  env: Record<string, string>
  folder: string
  keep: { stdout: boolean; stderr: boolean }
  runLimitMs: number
}

export type ToLauncher = { order: Order } | { stop: true }

export type FromLauncher =
  | { is: 'ready' }
  /** `clean`: none of its processes is left. */
  | { is: 'ended'; attempt: string; outcome: Outcome; ranMs: number; clean: boolean }

export const NEWS_FD = 3

/** In the folder of a launcher, which is its working directory: what a program prints, and TMP. */
export const PRINTED = { stdout: 'stdout', stderr: 'stderr' }
export const TMP = 'tmp'
/** Folders of a launcher, and of what they stand in place of where it has a mount namespace. */
export const HIDDEN: readonly (readonly [place: string, path: string])[] = [
  ['var-tmp', '/var/tmp'],
  ['shm', '/dev/shm'],
  ['lock', '/run/lock'],
  // Last, because the folder of the launcher may itself lie there.
  [TMP, '/tmp'],
]
/** Where a program then sees its folder: in TMP. */
export const WORK = 'work'
