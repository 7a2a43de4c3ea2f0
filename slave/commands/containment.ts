// How surely the processes of a run end on this machine, found out by trying when the slave starts. With
// util-linux on Linux the launcher gets a PID namespace: as root, with folders of its own in place of /tmp;
// as another user in a user namespace, where the system allows that.

import { spawnSync } from 'node:child_process'
import { findProgram } from '../executor/spawn.ts'
import type { Containment } from './order.ts'

const PROBE_MS = 10_000

export type Confinement = {
  containment: Containment
  /** Programs get folders of their own in place of /tmp, and do not see the agent's. */
  hidden: boolean
  /** What goes before the command of a launcher. */
  before: string[]
  prlimit: string | null
  /** What this machine lacks, in words for people. */
  missing: string[]
}

/** Tries what works here. */
export function findConfinement(isRoot = process.getuid?.() === 0): Confinement {
  const missing: string[] = []
  const prlimit = find('prlimit', ['--pid', String(process.pid), '--core'])
  if (prlimit === null)
    missing.push('prlimit (util-linux): programs have no limits of memory and processes')
  const setpriv = find('setpriv', ['--no-new-privs', '--', 'true'])
  if (setpriv === null)
    missing.push('setpriv (util-linux): programs may use set-user-ID programs such as sudo')
  const privileges = setpriv === null ? [] : [setpriv, '--no-new-privs']
  const namespaces = namespacesOf(isRoot, privileges)
  if (namespaces) return { ...namespaces, containment: 'pid-namespace', prlimit, missing }
  missing.push(
    'PID namespaces (unshare of util-linux): a program that leaves its process group may survive',
  )
  const before = setpriv === null ? [] : [...privileges, '--']
  return { containment: 'process-group', hidden: false, before, prlimit, missing }
}

/** The command that makes them, if it works here. */
function namespacesOf(isRoot: boolean, privileges: string[]) {
  const unshare = process.platform === 'linux' ? findProgram('unshare') : undefined
  if (unshare === undefined) return undefined
  const user = isRoot ? [] : ['--user', '--map-current-user']
  // The agent's death ends unshare, its death the launcher, and that one's death the kernel's all others.
  const tie = privileges.length === 0 ? [] : [...privileges, '--pdeathsig', 'KILL', '--']
  const before = [
    ...tie,
    unshare,
    ...user,
    '--pid',
    '--ipc',
    '--fork',
    '--kill-child',
    '--mount-proc',
    '--',
  ]
  if (isRoot && works([...before, 'mount', '--bind', '/tmp', '/tmp']))
    return { before, hidden: true }
  return works([...before, 'true']) ? { before, hidden: false } : undefined
}

/** The path of a program of util-linux that does this here; a container may forbid it. */
function find(name: string, args: string[]): string | null {
  const path = process.platform === 'linux' ? findProgram(name) : undefined
  return path !== undefined && works([path, ...args]) ? path : null
}

const works = ([command = '', ...args]: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore', timeout: PROBE_MS }).status === 0
