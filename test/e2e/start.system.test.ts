// What cannot start says why in one line, leaves what others have alone, and ends with 64.

import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import { folderOf } from '../folder.ts'
import { startMaster, startProcess, startSlave } from '../rigs/cluster/programs.ts'

const slaveWith = (t: Test, args: string[]) =>
  startProcess(t, 'slave/main.ts', ['--port', '0', '--master', 'http://127.0.0.1:1', ...args])

/** What it says when it does not start. */
async function refusal(starting: Promise<unknown>): Promise<string> {
  try {
    await starting
  } catch (error) {
    return (error as Error).message
  }
  return 'it started'
}

t.test('a port that is taken', async (t) => {
  const data = folderOf(t)
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  const words = `port ${port} of 127.0.0.1 is in use by another process: stop that process`

  const master = await refusal(startMaster(t, join(data, 'm'), ['--port', `${port}`]))
  t.match(master, `ended (64) before it listened: askfirst master: ${words}`)
  const slave = await refusal(slaveWith(t, ['--port', `${port}`, '--data', join(data, 's')]))
  t.match(slave, `ended (64) before it listened: askfirst slave: ${words}`)
  t.notOk(existsSync(join(data, 'm')) || existsSync(join(data, 's')), 'nothing was made')
})

t.test("another slave's folder", async (t) => {
  const data = folderOf(t)
  const { url } = await startMaster(t, join(data, 'master'))
  await startSlave(t, url, 'slave-1', ['--data', join(data, 'slave')])
  const left = join(data, 'slave/work/partitions/left')
  writeFileSync(left, 'for a peer')
  const said = await refusal(slaveWith(t, ['--data', join(data, 'slave')]))
  t.match(said, /ended \(64\).*: the folder \S+slave is in use by another slave: stop that slave/)
  t.notMatch(said, /\n +at /)
  t.ok(existsSync(left))
})

t.test(
  "what master and slave make is their user's alone",
  { skip: process.platform === 'win32' },
  async (t) => {
    const data = folderOf(t)
    const { url } = await startMaster(t, join(data, 'master'))
    await startSlave(t, url, 'slave-1', ['--data', join(data, 'slave')])
    const blob = await fetch(`${url}/blobs`, { method: 'PUT', body: 'bytes' })
    t.equal(blob.status, 201)
    for (const folder of ['master', 'slave']) {
      const names = readdirSync(join(data, folder), { recursive: true, encoding: 'utf8' })
      t.ok(names.length > 2, names.join())
      for (const name of ['', ...names]) {
        const { mode } = statSync(join(data, folder, name))
        t.equal(mode & 0o077, 0, `${folder}/${name} is ${(mode & 0o777).toString(8)}`)
      }
    }
  },
)

t.test('a kind that there is not', async (t) => {
  const said = await refusal(slaveWith(t, ['--kinds', 'sleep,nix']))
  t.match(
    said,
    /ended \(64\).*--kinds cannot be sleep,nix: there is no kind "nix"; the kinds are: /,
  )
})

t.test('a slave that pulls does not offer what peers would fetch from it', async (t) => {
  const said = await refusal(slaveWith(t, ['--pull', '--kinds', 'sleep,word-frequency.group']))
  t.match(said, /ended \(64\).*peers fetch the output of word-frequency.group /)
})

t.test('settings that exclude each other', async (t) => {
  const limits = ['--run-limit-ms', '6000', '--run-limit-ms-max', '5000']
  const said = await refusal(startMaster(t, folderOf(t), limits))
  t.match(
    said,
    '--run-limit-ms cannot be 6000: it must be at most --run-limit-ms-max, which is 5000',
  )
})
