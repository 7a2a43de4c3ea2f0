// No child outlives its agent, even when the agent is killed.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import t from 'tap'
import { findTie } from '../../../slave/executor/spawn.ts'
import { own } from '../../rigs/cluster/launch.ts'
import { isAlive } from '../../rigs/cluster/proc.ts'
import { BARE_ENVIRONMENT } from './bare-children.ts'

t.test('ends idle children and one that waits when the agent is killed', (t) =>
  leavesNoOrphans(t, 'sleep'),
)

t.test('ends a child in an endless loop when the agent is killed', async (t) => {
  const isTied = findTie().length > 0 || process.platform === 'win32'
  if (!isTied) return t.pass('needs setpriv or Windows')
  await leavesNoOrphans(t, 'loop')
})

async function leavesNoOrphans(t: Test, kind: string) {
  const program = fileURLToPath(new URL('./fixtures/agent.ts', import.meta.url))
  const agent = spawn(process.execPath, [program, kind], {
    env: BARE_ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { end } = own(agent)
  t.teardown(() => end('SIGKILL'))
  const [line] = (await once(agent.stdout, 'data')) as [Buffer]
  const pids = JSON.parse(line.toString()) as number[]
  t.equal(pids.length, 2)
  t.ok(pids.every(isAlive))
  await end('SIGKILL')
  while (pids.some(isAlive)) await delay(5)
}
