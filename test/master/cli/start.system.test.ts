// What the command line loads before it knows its command: each command waits for it. In a process of its
// own, because modules that are loaded already are not seen.

import { registerHooks } from 'node:module'
import t from 'tap'

t.test('loads no schema, no SQLite and no server when it starts', async (t) => {
  const loaded: string[] = []
  const hooks = registerHooks({
    resolve(name, context, next) {
      loaded.push(name)
      return next(name, context)
    },
  })
  t.teardown(() => hooks.deregister())
  await import('../../../master/cli/program.ts')
  t.ok(loaded.includes('undici'), 'the hook sees the imports')
  for (const name of ['typebox', 'node:sqlite', 'fastify']) {
    t.notOk(loaded.includes(name), name)
  }
})
