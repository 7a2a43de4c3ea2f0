// Keys, tokens and sessions end by the wall clock. One that was seen to have ended does not come back
// when somebody sets the clock back, nor by a restart.

import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import type { Identities } from '../../../../master/security/identities/identities.ts'
import { openIdentities } from '../../../../master/security/identities/identities.ts'
import type { Key } from '../../../../master/security/identities/identity-store.ts'
import { openSqliteIdentities } from '../../../../master/security/identities/sqlite-identities.ts'
import { createSessions, SESSION_MS } from '../../../../master/security/sessions.ts'
import { wallTime } from '../../../../shared/data/clock.ts'
import { until } from '../../../requests.ts'

const MINUTE_MS = 60_000
const TTL_MS = 10 * MINUTE_MS
const HOURS_MS = 8 * 60 * MINUTE_MS
const START_MS = 1_790_000_000_000

async function setUp(t: Test) {
  const clock = { ms: START_MS }
  const wall = () => wallTime(clock.ms)
  const path = join(t.testdir(), 'identities.sqlite')
  const open = async () => {
    const identities = await openIdentities(openSqliteIdentities(path), wall)
    t.teardown(() => identities.close())
    return identities
  }
  return { clock, wall, open, identities: await open() }
}

t.test('a key lasts as long as was said, by the wall clock', async (t) => {
  const { clock, identities } = await setUp(t)
  const { id } = await identities.createKey({ scopes: ['submit'], ttlMs: TTL_MS })
  const is = (): boolean => identities.isGood(identities.keyById(id))
  t.ok(is())
  clock.ms = START_MS + TTL_MS - 1
  t.ok(is())
  clock.ms = START_MS + TTL_MS
  t.notOk(is())
  t.notOk(identities.isGood(undefined))
})

t.test('a key that was seen to have expired stays so when the clock is set back', async (t) => {
  const { clock, open, identities } = await setUp(t)
  const { id } = await identities.createKey({ scopes: ['submit'], ttlMs: TTL_MS })
  const forever = await identities.createKey({ scopes: ['submit'] })
  const epoch = identities.epoch
  clock.ms += HOURS_MS
  t.notOk(identities.isGood(identities.keyById(id)))
  t.ok(identities.epoch > epoch, 'what was found out about connections is looked at again')
  clock.ms -= HOURS_MS
  t.notOk(identities.isGood(identities.keyById(id)))
  t.ok(identities.isGood(identities.keyById(forever.id)))
  const listed = identities.keys().filter(({ hasExpired }) => hasExpired)
  t.same(
    listed.map((key) => key.id),
    [id],
    'and a list says so',
  )
  const later = await identities.createKey({ scopes: ['submit'], ttlMs: TTL_MS })
  t.ok(identities.isGood(identities.keyById(later.id)), 'one that was made since is good')

  await until(async () => !isGoodIn(await open(), id))
  t.ok(isGoodIn(await open(), later.id))
})

t.test('so does one that nobody used in that time', async (t) => {
  const { clock, open, identities } = await setUp(t)
  const { id } = await identities.createKey({ scopes: ['submit'], ttlMs: TTL_MS })
  const { id: token, secret } = await identities.createToken({
    slave: null,
    uses: 1,
    ttlMs: TTL_MS,
  })
  clock.ms += HOURS_MS
  // It has looked around when the number has grown for both.
  const epoch = identities.epoch
  await until(async () => identities.epoch >= epoch + 2)
  clock.ms -= HOURS_MS
  t.notOk(identities.isGood(identities.keyById(id)))
  t.equal(await identities.useToken(secret, 'slave-1', 'public'), 'expired')
  t.notOk(isGoodIn(await open(), id), 'after a restart')
  t.equal(await (await open()).useToken(secret, 'slave-1', 'public'), 'expired', token)
})

t.test('a token that was seen to have expired lets nobody in afterwards', async (t) => {
  const { clock, identities } = await setUp(t)
  const { secret } = await identities.createToken({ slave: null, uses: 1, ttlMs: TTL_MS })
  clock.ms += HOURS_MS
  t.equal(await identities.useToken(secret, 'slave-1', 'public'), 'expired')
  clock.ms -= HOURS_MS
  t.equal(await identities.useToken(secret, 'slave-1', 'public'), 'expired')
  const other = await identities.createToken({ slave: null, uses: 1, ttlMs: TTL_MS })
  t.equal(await identities.useToken(other.secret, 'slave-1', 'public'), null)
})

t.test('a session that was seen to have ended has ended', async (t) => {
  const { clock, wall, identities } = await setUp(t)
  const { id } = await identities.createKey({ scopes: ['admin'] })
  const sessions = createSessions({ identities, wall })
  const session = sessions.open(identities.keyById(id) as Key)
  t.equal(sessions.keyOf(session)?.id, id)
  clock.ms += SESSION_MS
  t.equal(sessions.keyOf(session), undefined)
  clock.ms -= SESSION_MS
  t.equal(sessions.keyOf(session), undefined)
})

function isGoodIn(identities: Identities, id: string): boolean {
  return identities.isGood(identities.keyById(id))
}

t.test('another process sees a new key, a revoked one and a slave that is shut out', async (t) => {
  const { open, identities } = await setUp(t)
  const other = await open()
  const shutOut: string[] = []
  identities.onShutOut((slave) => shutOut.push(slave))
  const { id, secret } = await other.createKey({ scopes: ['read'] })
  await until(async () => identities.isGood(identities.keyOf(secret)))
  await other.revokeKey(id)
  t.equal(await other.revokeSlave('slave-1'), 0)
  await until(async () => !identities.isGood(identities.keyById(id)))
  t.same(shutOut, ['slave-1'])
})

t.test(
  'a certificate that is noted is known at once, and after a change by another process',
  async (t) => {
    const { clock, open, identities } = await setUp(t)
    const other = await open()
    const about = { serial: 'c1', slave: 'slave-1', expiresAt: wallTime(clock.ms + TTL_MS) }
    const [noted] = await Promise.all([
      identities.noteCertificate(about, null),
      other.createKey({ scopes: ['read'] }),
      identities.revokeKey('none'),
    ])
    t.ok(noted)
    t.match(identities.certificateOf('c1'), { slave: 'slave-1', revokedAt: null })
    t.equal(identities.certificates().length, 1)
  },
)

t.test('why a token does not let a slave in', async (t) => {
  const { clock, identities } = await setUp(t)
  const make = async (more = {}) =>
    (await identities.createToken({ slave: null, uses: 1, ttlMs: TTL_MS, ...more })).secret
  const join = (secret: string, slave = 'slave-1', key = 'a key') =>
    identities.useToken(secret, slave, key)

  t.equal(await join('afj_none'), 'unknown')
  const revoked = await identities.createToken({ slave: null, uses: 1, ttlMs: TTL_MS })
  t.ok(await identities.revokeToken(revoked.id))
  t.notOk(await identities.revokeToken(revoked.id), 'there is nothing more to revoke')
  t.equal(await join(revoked.secret), 'unknown')
  t.equal(await join(await make({ ttlMs: -1 })), 'expired')
  t.equal(await join(await make({ slave: 'slave-2' })), 'other-name')

  const once = await make()
  t.equal(await join(once), null)
  t.equal(await join(once), null, 'the answer may have been lost')
  t.equal(await join(once, 'slave-2'), 'other-name')
  t.equal(await join(once, 'slave-2', 'another key'), 'used')

  const expiresAt = wallTime(clock.ms + TTL_MS)
  await identities.noteCertificate({ serial: 'c1', slave: 'slave-1', expiresAt }, null)
  t.equal(await join(await make(), 'slave-1', 'another key'), 'name-taken')
  t.equal(await join(await make({ slave: 'slave-1' }), 'slave-1', 'another key'), null)
  t.equal(await identities.revokeSlave('slave-1'), 1)
  t.equal(await join(await make(), 'slave-1', 'a third key'), 'shut-out')
  t.equal(await join(await make({ slave: 'slave-1' }), 'slave-1', 'a third key'), null)
  t.equal(await join(await make(), 'slave-1', 'a fourth key'), null, 'not shut out any more')
})
