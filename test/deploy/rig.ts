// Several hosts for real, as long as a test lasts: machines of their own (vm.sh) on a network of their
// own (rig.sh), and a place on it to deploy them from. Needs root, and a kernel that lets root make
// namespaces; nothing of this machine is changed.

import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Teardown } from '../folder.ts'
import { childrenOf } from '../rigs/cluster/proc.ts'

const NAMESPACES = ['--net', '--mount', '--mount-proc', '--pid', '--fork', '--kill-child']
const TOOLS = ['ip', 'unshare', 'nsenter', 'sshd', 'ssh', 'useradd', 'sudo', 'systemd-analyze']

export type Said = { code: number; says: string }
export type Rig = {
  /** Its files as they are seen from within; key, NAME.pub and NAME.upper are in it. */
  folder: string
  /** Runs a command at the place that hosts are deployed from; gives what it wrote, and how it ended. */
  run(command: string[], input?: string): Promise<Said>
  start(command: string[]): ChildProcess
  /** Runs a shell's command line as root on a machine; throws unless that succeeds. */
  on(name: string, command: string): Promise<string>
  address(name: string): string
  /** What is on a machine that was not there when its system was put on it, by path. */
  written(name: string): Promise<string[]>
}

/** Why there can be no rig here, or false. */
export function noRig(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux'
  const missing = TOOLS.find((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0)
  if (missing !== undefined) return `needs ${missing}`
  const { status, stderr } = spawnSync('unshare', [
    ...NAMESPACES,
    'ip',
    'link',
    'add',
    'x',
    'type',
    'bridge',
  ])
  return status === 0 ? false : `may make no namespaces here: ${stderr}`
}

/** Starts machines of these names; returns when all can be logged in to. */
export async function startRig(t: Teardown, names: string[]): Promise<Rig> {
  const folder = join(t.testdir(), 'rig')
  spawnSync('mkdir', [folder])
  const script = join(import.meta.dirname, 'rig.sh')
  const env = { PATH: process.env.PATH ?? '', HOME: '/root', LC_ALL: 'C.UTF-8' }
  const rig = spawn('unshare', [...NAMESPACES, script, folder, ...names], { env, stdio: 'pipe' })
  let trouble = ''
  rig.stderr.on('data', (text: Buffer) => {
    trouble += text.toString()
  })
  t.teardown(async () => {
    if (rig.exitCode !== null || rig.signalCode !== null) return
    const gone = once(rig, 'exit')
    rig.kill('SIGKILL')
    await gone
    // Processes, files and networks are gone with it; control groups are not, but empty.
    spawnSync('unshare', ['--mount', 'sh', '-c', DROP_GROUPS])
  })
  for await (const line of createInterface({ input: rig.stdout })) {
    if (line === 'ready') break
    trouble += `${line}\n`
  }
  const [first] = childrenOf(rig.pid as number)
  if (first === undefined) throw new Error(`the machines did not start: ${trouble}`)

  const start = (command: string[]): ChildProcess =>
    spawn('nsenter', ['-t', `${first}`, '-n', '-m', '-p', ...command], { env, stdio: 'pipe' })
  const address = (name: string): string => `10.77.0.${names.indexOf(name) + 2}`
  const anyKey = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null']
  const ssh = ['ssh', '-i', join(folder, 'key'), ...anyKey, '-o', 'LogLevel=ERROR']
  const run = (command: string[], input = ''): Promise<Said> => outcome(start(command), input)
  const on = async (name: string, command: string): Promise<string> => {
    const { code, says } = await run([...ssh, `root@${address(name)}`, command])
    if (code !== 0) throw new Error(`${command} on ${name} ended with ${code}: ${says}`)
    return says
  }

  return {
    folder,
    run,
    start,
    on,
    address,
    async written(name) {
      const { says } = await run(['find', join(folder, `${name}.upper`), '-printf', '%P %y %s\n'])
      return says
        .split('\n')
        .filter((line) => !PASSING.test(line))
        .toSorted()
    },
  }
}

/** A group goes when the last of its processes has, which is a moment after they were killed. */
const DROP_GROUPS = `mount -t cgroup2 none /mnt && for try in $(seq 50); do
    find /mnt/askfirst-rig -depth -type d -exec rmdir {} + 2>/dev/null && break; sleep 0.1; done`

/** What a running system writes whoever uses it; folders have no size that means anything. */
const PASSING =
  /^(var\/log|var\/lib\/(systemd|sudo)|var\/tmp|tmp|run|etc\/(passwd|group|shadow|gshadow|subuid|subgid)-|etc\/\.pwd\.lock|etc\/mtab|\S* d|$)/

async function outcome(child: ChildProcess, input: string): Promise<Said> {
  let says = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text: Buffer) => {
      says += text.toString()
    })
  }
  // One that never reads may be gone before it is written to.
  child.stdin?.once('error', () => {})
  child.stdin?.end(input)
  const [code] = await once(child, 'close')
  return { code: code ?? -1, says }
}
