// askfirst key and token list say what the master would: of an expiry that was seen to pass too, after the
// wall clock was set back.

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { makeIdentities, openAuthority } from '../../../master/security/identities/folder.ts'
import { openIdentities } from '../../../master/security/identities/identities.ts'
import { openSqliteIdentities } from '../../../master/security/identities/sqlite-identities.ts'
import { systemClock, wallTime } from '../../../shared/data/clock.ts'
import { until } from '../../requests.ts'
import { runProgram } from './in-process.ts'

const MINUTE_MS = 60_000

t.test('a list names what a master with a clock that was ahead has seen expire', async (t) => {
  const data = t.testdir()
  await makeIdentities(data)
  const authority = await openAuthority(data)
  const { identities } = authority
  const short = await identities.createKey({ scopes: ['read'], ttlMs: 10 * MINUTE_MS })
  const long = await identities.createKey({ scopes: ['read'], ttlMs: 60 * MINUTE_MS })
  const forever = await identities.createKey({ scopes: ['read'] })
  const joins = { slave: null, uses: 1 }
  const shortToken = await identities.createToken({ ...joins, ttlMs: 10 * MINUTE_MS })
  const longToken = await identities.createToken({ ...joins, ttlMs: 60 * MINUTE_MS })
  await authority.close()

  const linesOf = async (command: 'key' | 'token'): Promise<Map<string, string>> => {
    const lines = (await runProgram([command, 'list', '--data', data])).stdout.split('\n')
    return new Map(lines.map((line) => [line.split(' ')[0] as string, line]))
  }
  const isExpired = / \S+Z \(expired\) /
  t.notMatch([...(await linesOf('key')).values()].join('\n'), isExpired)
  t.notMatch([...(await linesOf('token')).values()].join('\n'), isExpired)

  const ahead = () => wallTime(Number(systemClock.wall()) + 20 * MINUTE_MS)
  const file = join(data, 'auth/auth.sqlite')
  const master = await openIdentities(openSqliteIdentities(file), ahead)
  const database = new DatabaseSync(file, { readOnly: true })
  const written = database.prepare('SELECT count(*) AS n FROM expired')
  await until(async () => written.get()?.n === 2)
  database.close()
  await master.close()
  const [keys, tokens] = [await linesOf('key'), await linesOf('token')]
  t.match(keys.get(short.id), isExpired)
  t.notMatch(keys.get(long.id), isExpired)
  t.match(keys.get(forever.id), / - /)
  t.match(tokens.get(shortToken.id), isExpired)
  t.notMatch(tokens.get(longToken.id), isExpired)
})
