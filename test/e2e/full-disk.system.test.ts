// Starts and commands on a disk that is full: they fail in a way that a service manager tries again.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { askfirst, startProcess } from '../rigs/cluster/programs.ts'
import { fillDisk, onSmallDisk } from '../small-disk.ts'

const NOBODY = 'http://127.0.0.1:9'
const PROGRAMS = [
  ['master/main.ts', '--port', '0', '--log-level', 'error'],
  ['slave/main.ts', '--port', '0', '--name', 's', '--master', NOBODY, '--log-level', 'silent'],
]

for (const [program = '', ...args] of PROGRAMS) {
  test(`${program} ends with code 75 on a full disk, and starts once there is room`, (t) =>
    onSmallDisk(t, async (disk) => {
      const data = join(disk, 'data')
      const ballast = join(disk, 'ballast')
      mkdirSync(data)
      fillDisk(ballast)
      const start = () => startProcess(t, program, [...args, '--data', data])
      const { message } = (await start().catch((error: Error) => error)) as Error
      t.match(message, /ended \(75\)/)
      t.match(message, /has no space/)
      t.notMatch(message, /\n +at /, 'without a stack')
      rmSync(ballast)
      const { kill } = await start()
      await kill('SIGTERM')
    }))
}

test('askfirst init and key end with code 75 on a full disk, in one line', (t) =>
  onSmallDisk(t, async (disk) => {
    const data = join(disk, 'data')
    const url = 'https://127.0.0.1:9'
    askfirst('init', '--data', data, '--url', url)
    fillDisk(join(disk, 'ballast'))
    for (const [command = '', ...args] of [
      ['key', 'list', '--data', data],
      ['init', '--data', join(disk, 'other'), '--url', url],
    ]) {
      try {
        askfirst(command, ...args)
        t.fail(`askfirst ${command} went through`)
      } catch (error) {
        const { status, stderr } = error as { status: number; stderr: string }
        t.equal(status, 75)
        t.match(stderr, /^askfirst: .*(no space|no space left).*: free space.*\n$/)
      }
    }
  }))
