// Folders of programs that keep nothing: what a killed one leaves, the next start removes.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { folderOf } from '../folder.ts'
import { request, until } from '../requests.ts'
import { commandOf, launch } from '../rigs/cluster/launch.ts'
import { childrenOf, isAlive, signal } from '../rigs/cluster/proc.ts'
import { startProcess } from '../rigs/cluster/programs.ts'

const MASTER = ['--port', '0', '--store', 'memory']

const scratchIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.startsWith('askfirst-scratch-'))

t.test('a master and a slave are killed: the next start removes their folders', async (t) => {
  const temporary = folderOf(t)
  const env = { TMPDIR: temporary }
  const first = await startProcess(t, 'master/main.ts', MASTER, env)
  const blob = 'x'.repeat(1 << 20)
  t.equal((await request('PUT', `${first.url}/blobs`, blob)).status, 201)
  const args = ['--port', '0', '--master', first.url, '--kinds', 'sleep', '--log-level', 'info']
  const slave = await startProcess(t, 'slave/main.ts', args, env)
  const made = scratchIn(temporary)
  t.equal(made.length, 2, 'the start of the slave left that of the master alone')
  await Promise.all([first.kill('SIGKILL'), slave.kill('SIGKILL')])
  t.same(scratchIn(temporary), made, 'killed: both are left')

  const second = await startProcess(t, 'master/main.ts', MASTER, env)
  const [mine = '', ...more] = scratchIn(temporary)
  t.same(more, [])
  t.notOk(made.includes(mine), 'only that of the living master is left')
  t.match(second.stderr(), /"removed":\[.*removed scratch folders of processes that have ended/)
  // It listens for signals a moment after it listens for requests.
  await request('GET', `${second.url}/status`)
  await second.kill('SIGTERM')
  t.same(scratchIn(temporary), [], 'a master that is told to stop removes its own')
})

t.test('a tour is killed with its programs: the next start removes its folder', async (t) => {
  const temporary = folderOf(t)
  const env = { TMPDIR: temporary }
  const tour = launch(commandOf('deploy/local/tour.ts', ['words']), { env })
  let pids: number[] = []
  const killAll = (): void => {
    for (const pid of pids) signal(pid, 'SIGKILL')
  }
  t.teardown(killAll)
  await until(async () => existsSync(join(temporary, scratchIn(temporary)[0] ?? '', 'master')))
  await until(async () => {
    pids = childrenOf(tour.child.pid as number)
    return pids.length > 0
  })
  await tour.end('SIGKILL')
  killAll()
  await until(async () => !pids.some(isAlive))
  t.equal(scratchIn(temporary).length, 1, 'killed: it is left')
  const master = await startProcess(t, 'master/main.ts', MASTER, env)
  await request('GET', `${master.url}/status`)
  await master.kill('SIGTERM')
  t.same(scratchIn(temporary), [])
})
