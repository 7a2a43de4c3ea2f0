// Keys, tokens and sessions end by the wall clock. One that was seen to have ended does not come back
// when somebody sets the clock back, nor by a restart.

import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import type { Key } from '../../../../master/security/identities/store.ts'
import { openIdentities } from '../../../../master/security/identities/store.ts'
import { createSessions, SESSION_MS } from '../../../../master/security/sessions.ts'
import { wallTime } from '../../../../shared/data/clock.ts'
import { until } from '../../../requests.ts'

const MINUTE_MS = 60_000
const TTL_MS = 10 * MINUTE_MS
const HOURS_MS = 8 * 60 * MINUTE_MS
const START_MS = 1_790_000_000_000

function setUp(t: Test) {
  const clock = { ms: START_MS }
  const wall = () => wallTime(clock.ms)
  const path = join(t.testdir(), 'identities.sqlite')
  const open = () => {
    const identities = openIdentities(path, wall)
    t.teardown(() => identities.close())
    return identities
  }
  return { clock, wall, open, identities: open() }
}

t.test('a key lasts as long as was said, by the wall clock', async (t) => {
  const { clock, identities } = setUp(t)
  const { id } = identities.createKey({ scopes: ['submit'], ttlMs: TTL_MS })
  const is = (): boolean => identities.isGood(identities.keyById(id))
  t.ok(is())
  clock.ms = START_MS + TTL_MS - 1
  t.ok(is())
  clock.ms = START_MS + TTL_MS
  t.notOk(is())
  t.notOk(identities.isGood(undefined))
})

t.test('a key that was seen to have expired stays so when the clock is set back', async (t) => {
  const { clock, open, identities } = setUp(t)
  const { id } = identities.createKey({ scopes: ['submit'], ttlMs: TTL_MS })
  const forever = identities.createKey({ scopes: ['submit'] })
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
  const later = identities.createKey({ scopes: ['submit'], ttlMs: TTL_MS })
  t.ok(identities.isGood(identities.keyById(later.id)), 'one that was made since is good')

  await until(async () => !isGoodIn(open(), id))
  t.ok(isGoodIn(open(), later.id))
})

t.test('so does one that nobody used in that time', async (t) => {
  const { clock, open, identities } = setUp(t)
  const { id } = identities.createKey({ scopes: ['submit'], ttlMs: TTL_MS })
  const { id: token, secret } = identities.createToken({ slave: null, uses: 1, ttlMs: TTL_MS })
  clock.ms += HOURS_MS
  // It has looked around when the number has grown for both.
  const epoch = identities.epoch
  await until(async () => identities.epoch >= epoch + 2)
  clock.ms -= HOURS_MS
  t.notOk(identities.isGood(identities.keyById(id)))
  t.equal(identities.useToken(secret, 'slave-1', 'public'), 'expired')
  t.notOk(isGoodIn(open(), id), 'after a restart')
  t.equal(open().useToken(secret, 'slave-1', 'public'), 'expired', token)
})

t.test('a token that was seen to have expired lets nobody in afterwards', async (t) => {
  const { clock, identities } = setUp(t)
  const { secret } = identities.createToken({ slave: null, uses: 1, ttlMs: TTL_MS })
  clock.ms += HOURS_MS
  t.equal(identities.useToken(secret, 'slave-1', 'public'), 'expired')
  clock.ms -= HOURS_MS
  t.equal(identities.useToken(secret, 'slave-1', 'public'), 'expired')
  const other = identities.createToken({ slave: null, uses: 1, ttlMs: TTL_MS })
  t.equal(identities.useToken(other.secret, 'slave-1', 'public'), null)
})

t.test('a session that was seen to have ended has ended', async (t) => {
  const { clock, wall, identities } = setUp(t)
  const { id } = identities.createKey({ scopes: ['admin'] })
  const sessions = createSessions({ identities, wall })
  const session = sessions.open(identities.keyById(id) as Key)
  t.equal(sessions.keyOf(session)?.id, id)
  clock.ms += SESSION_MS
  t.equal(sessions.keyOf(session), undefined)
  clock.ms -= SESSION_MS
  t.equal(sessions.keyOf(session), undefined)
})

function isGoodIn(identities: ReturnType<typeof openIdentities>, id: string): boolean {
  return identities.isGood(identities.keyById(id))
}
