// The two stores of an outbox: in memory, and a file in the slave's data folder.

import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import t from 'tap'
import { UsageError } from '../../../shared/process/usage-error.ts'
import type { Callback } from '../../../shared/protocol/wire.ts'
import { openOutboxDisk } from '../../../slave/link/outbox-disk.ts'
import { createMemoryOutbox } from '../../../slave/link/outbox-store.ts'
import { aCallback, outboxContract } from './contract.ts'

outboxContract(t, 'memory', async () => {
  const kept = new Map<string, Callback>()
  return { store: createMemoryOutbox(kept), reopen: async () => createMemoryOutbox(kept) }
})

outboxContract(t, 'disk', async (t) => {
  const folder = t.testdir()
  let store = await open(t, folder)
  const reopen = async () => {
    await store.close()
    store = await open(t, folder)
    return store
  }
  return { store, reopen }
})

/** Opens a file, and closes it in the end. */
async function open(t: Test, folder: string) {
  const store = await openOutboxDisk(folder)
  t.teardown(() => store.close())
  return store
}

t.test(
  'an outbox of another slave is refused, and opens when that slave has closed it',
  async (t) => {
    const folder = t.testdir()
    const first = await open(t, folder)
    await first.keep([aCallback('a')])
    await t.rejects(openOutboxDisk(folder), {
      name: UsageError.name,
      message: /in use by another slave/,
    })
    await first.close()
    t.equal((await (await open(t, folder)).load()).length, 1)
  },
)

t.test('a file that is no database is refused with what to do', async (t) => {
  const folder = t.testdir({ 'outbox.sqlite': 'no database at all\n'.repeat(500) })
  await t.rejects(openOutboxDisk(folder), /cannot store results .*repair it, or start with another/)
})

t.test('an outcome that cannot be read refuses the start with what to do', async (t) => {
  const folder = t.testdir()
  await (await openOutboxDisk(folder)).close()
  const database = new DatabaseSync(join(folder, 'outbox.sqlite'))
  database.exec(`INSERT INTO outbox VALUES ('a', '{"attempt":')`)
  database.close()
  const store = await open(t, folder)
  await t.rejects(store.load(), { name: UsageError.name, message: /cannot store results/ })
})

t.test('a file of the first version, which had no number, opens with its outcomes', async (t) => {
  const folder = t.testdir()
  const database = new DatabaseSync(join(folder, 'outbox.sqlite'))
  database.exec('CREATE TABLE outbox (attempt TEXT PRIMARY KEY, callback TEXT NOT NULL)')
  const row = JSON.stringify(aCallback('a'))
  database.prepare('INSERT INTO outbox VALUES (?, ?)').run('a', row)
  database.close()
  t.match(await (await open(t, folder)).load(), [{ attempt: 'a', task: 'task of a' }])
})

t.test('a folder that is removed is noticed, and renewed it keeps outcomes again', async (t) => {
  const folder = join(t.testdir(), 'data')
  const store = await open(t, folder)
  await store.keep([aCallback('a')])
  rmSync(folder, { recursive: true })
  t.match(await store.gone(), /was removed/)
  await store.renew()
  t.equal(await store.gone(), null)
  t.same(await store.load(), [], 'it is empty')
  await store.keep([aCallback('b')])
  t.ok(existsSync(join(folder, 'outbox.sqlite')))
  await store.close()
  t.match(await (await open(t, folder)).load(), [{ attempt: 'b' }])
})

t.test('a folder that cannot be made again is an error of the renewal', async (t) => {
  const folder = join(t.testdir(), 'data')
  const store = await open(t, folder)
  rmSync(folder, { recursive: true })
  writeFileSync(folder, 'a file in its place')
  await t.rejects(store.renew())
})
