// What a program finds in its environment.

import t from 'tap'
import { variablesOf } from '../../../slave/commands/environment.ts'

const RUN = {
  task: 't1',
  attempt: 'a1',
  path: '/usr/bin',
  lang: 'C.UTF-8',
  home: '/tmp/work',
  temporary: '/tmp',
  input: {},
  secretEnv: {},
}

t.test('a program gets six variables of ours and none of the agent', async (t) => {
  process.env.ASKFIRST_JOIN = 'secret'
  t.teardown(() => delete process.env.ASKFIRST_JOIN)
  t.same(variablesOf(RUN), {
    PATH: '/usr/bin',
    HOME: '/tmp/work',
    LANG: 'C.UTF-8',
    TMPDIR: '/tmp',
    ASKFIRST_TASK: 't1',
    ASKFIRST_ATTEMPT: 'a1',
  })
})

t.test('the input may replace them, secret variables those of the input', async (t) => {
  const input = { env: { LANG: 'de_DE.UTF-8', KEY: 'shown', THREADS: '2' } }
  t.match(variablesOf({ ...RUN, input, secretEnv: { KEY: 'secret' } }), {
    LANG: 'de_DE.UTF-8',
    KEY: 'secret',
    THREADS: '2',
  })
})

t.test('but not the attempt, by which its processes are found', async (t) => {
  const names = { ASKFIRST_ATTEMPT: 'other', ASKFIRST_TASK: 'other' }
  const variables = variablesOf({ ...RUN, input: { env: names }, secretEnv: names })
  t.match(variables, { ASKFIRST_TASK: 't1', ASKFIRST_ATTEMPT: 'a1' })
})
