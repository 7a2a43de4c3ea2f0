// askfirst init without processes: what it wants to be told, and what it makes.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { UsageError } from '../../../shared/process/usage-error.ts'
import { runProgram } from './in-process.ts'

const run = async (...argv: string[]): Promise<string> => {
  const { stdout, error } = await runProgram(['init', ...argv])
  if (error) throw error
  return stdout
}

test('wants a data folder and, before there are identities, an address', async (t) => {
  const data = join(t.testdir(), 'master')
  delete process.env.ASKFIRST_DATA
  const url = 'https://10.0.0.1:8080'
  await t.rejects(run('--url', url), { message: /^--data is required/ })
  await t.rejects(run('--data', data), { message: /^--url is required/ })
  t.notOk(existsSync(data), 'a refusal makes nothing')
  t.match(await run('--data', data, '--url', url), /admin key \S+, shown once: \S+/)
  t.match(await run('--data', data), /has identities already/)
})

test('names a damaged store in words, as the other commands on a data folder do', async (t) => {
  const data = join(t.testdir(), 'master')
  await run('--data', data, '--url', 'https://10.0.0.1:8080')
  writeFileSync(join(data, 'auth', 'auth.sqlite'), 'x'.repeat(8192))
  for (const argv of [
    ['init', '--data', data],
    ['key', 'list', '--data', data],
  ]) {
    const { error } = await runProgram(argv)
    t.type(error, UsageError)
    t.match(error?.message, 'auth.sqlite')
  }
})
