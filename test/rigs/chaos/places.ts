// Where a chaos run happens: a folder of its own, a small disk (tmpfs) that can be filled, network
// namespaces of its own, free ports. Owns what it makes, and takes all of it away.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Random } from '../../../shared/data/random.ts'

/** Below the ports that the system gives to outgoing connections. */
const PORT_FIRST = 20_000
const PORT_COUNT = 12_000

const run = (command: string, ...args: string[]): void =>
  void execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
const succeeds = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0

export type Disk = {
  folder: string
  mounted: boolean
  fill(): boolean
  empty(): void
  /** Whether it was full at some time after that one (performance.now). */
  wasFullSince(at: number): boolean
}
export type Namespace = { name: string; near: string; far: string; link(up: boolean): void }
export type Place = ReturnType<typeof makePlace>

export function makePlace() {
  const folder = mkdtempSync(join(tmpdir(), 'askfirst-chaos-'))
  const undo: (() => void)[] = [() => rmSync(folder, { recursive: true, force: true })]
  let removed = false

  return {
    folder,

    /** A disk of `megabytes` that can be filled; a plain folder where mounting is not permitted. */
    disk(name: string, megabytes: number): Disk {
      const at = join(folder, name)
      mkdirSync(at)
      const mounted = succeeds('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', at)
      if (mounted) undo.push(() => run('umount', '-l', at))
      const filler = join(at, 'filler')
      let fullUntil = Number.NEGATIVE_INFINITY
      return {
        folder: at,
        mounted,
        fill(): boolean {
          if (!mounted) return false
          const { bavail, bsize } = statfsSync(at)
          fullUntil = Number.POSITIVE_INFINITY
          return bavail > 0 && succeeds('fallocate', '-l', String(bavail * bsize), filler)
        },
        empty(): void {
          rmSync(filler, { force: true })
          fullUntil = performance.now()
        },
        wasFullSince: (time) => fullUntil >= time,
      }
    },

    /** A network namespace with one link to here; addresses 10.77.`number`.1 (here) and .2. */
    namespace(number: number): Namespace {
      const name = `askfirst-${process.pid}-${number}`
      const [hereEnd, thereEnd] = [`af${process.pid % 100_000}n${number}`, 'eth0']
      const [near, far] = [`10.77.${number}.1`, `10.77.${number}.2`]
      run('ip', 'netns', 'add', name)
      undo.push(() => run('ip', 'netns', 'delete', name))
      run('ip', 'link', 'add', hereEnd, 'type', 'veth', 'peer', 'name', thereEnd, 'netns', name)
      run('ip', 'addr', 'add', `${near}/30`, 'dev', hereEnd)
      run('ip', 'link', 'set', hereEnd, 'up')
      run('ip', '-n', name, 'addr', 'add', `${far}/30`, 'dev', thereEnd)
      run('ip', '-n', name, 'link', 'set', thereEnd, 'up')
      run('ip', '-n', name, 'link', 'set', 'lo', 'up')
      const link = (up: boolean): void =>
        run('ip', '-n', name, 'link', 'set', thereEnd, up ? 'up' : 'down')
      return { name, near, far, link }
    },

    /** Takes everything away again. Idempotent. */
    remove(): void {
      if (removed) return
      removed = true
      for (const step of undo.reverse()) {
        try {
          step()
        } catch (error) {
          process.stderr.write(`chaos: could not clean up: ${(error as Error).message}\n`)
        }
      }
    },
  }
}

/** A port that is free at this address, chosen by chance. */
export async function freePort(random: Random, host: string): Promise<number> {
  for (;;) {
    const port = PORT_FIRST + random.integer(PORT_COUNT)
    if (await isFree(port, host)) return port
  }
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}

/** What goes before a command so that the kernel kills it when this process dies; none elsewhere. */
export const TIE: readonly string[] = existsSync('/usr/bin/setpriv')
  ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--']
  : []
