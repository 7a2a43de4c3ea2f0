// What every store of identities must do; each driver's test runs it.

import type { Test } from 'tap'
import type {
  Certificate,
  IdentityStore,
  TokenUse,
} from '../../../../master/security/identities/identity-store.ts'
import { later, wallTime } from '../../../../shared/data/clock.ts'

export type Opened = {
  store: IdentityStore
  /** Closes the store and opens it again on what it kept. */
  reopen: () => Promise<IdentityStore>
  /** The same store as another process has it. */
  another: () => Promise<IdentityStore>
}

/** Makes an empty store; the driver's test registers its teardown. */
export type Open = (t: Test) => Promise<Opened>

const NOW = wallTime(1_790_000_000_000)
const DAY_MS = 86_400_000

const aKey = (id: string, more = {}) => ({
  id,
  hash: `hash of ${id}`,
  client: 'alice',
  scopes: ['submit', 'read'] as const,
  createdAt: NOW,
  expiresAt: later(NOW, 1000),
  revokedAt: null,
  ...more,
})
const aToken = (id: string, more = {}) => ({
  id,
  hash: `hash of ${id}`,
  slave: null,
  usesLeft: 1,
  createdAt: NOW,
  expiresAt: later(NOW, 1000),
  revokedAt: null,
  ...more,
})
const aCertificate = (serial: string, more = {}): Certificate => ({
  serial,
  slave: 'slave-1',
  issuedAt: NOW,
  expiresAt: later(NOW, 1000),
  revokedAt: null,
  ...more,
})
/** A slave uses a token: whether it was let in, and what decided. */
async function use(
  store: IdentityStore,
  id: string,
  { slave = 'slave-1', publicKey = 'a key', refuse = false } = {},
) {
  let seen: TokenUse | undefined
  const by = { hash: `hash of ${id}`, slave, publicKey, now: NOW }
  const refusal = await store.useToken(by, (use) => {
    seen = use
    return refuse ? 'refused' : null
  })
  return { refusal, seen }
}

export function identityStoreContract(t: Test, name: string, open: Open): void {
  void t.test(`${name}: rows`, async (t) => rows(t, open))
  void t.test(`${name}: revoking`, async (t) => revoking(t, open))
  void t.test(`${name}: uses of tokens`, async (t) => uses(t, open))
  void t.test(`${name}: several processes`, async (t) => processes(t, open))
}

async function rows(t: Test, open: Open): Promise<void> {
  await t.test('keeps every field of facts, keys, tokens and certificates', async (t) => {
    const { store, reopen } = await open(t)
    const keys = [aKey('k1'), aKey('k2', { client: '*', scopes: ['admin'], expiresAt: null })]
    const tokens = [aToken('t1'), aToken('t2', { slave: 'slave-2', usesLeft: 7 })]
    for (const key of keys) await store.write({ do: 'add-key', key })
    for (const token of tokens) await store.write({ do: 'add-token', token })
    t.ok(await store.addCertificate(aCertificate('c1'), null))
    await store.write({ do: 'set-fact', name: 'url', value: 'https://a' })
    await store.write({ do: 'set-fact', name: 'url', value: 'https://b' })
    const again = await reopen()
    const loaded = await again.load(NOW)
    t.strictSame([...loaded.facts], [['url', 'https://b']])
    t.strictSame(loaded.keys, keys)
    t.strictSame(loaded.certificates, [aCertificate('c1')])
    t.strictSame([loaded.expired, loaded.shutOut], [[], []])
    t.strictSame(
      await again.tokens(),
      tokens.map(({ hash: _, ...token }) => token),
    )
  })

  await t.test('has each secret once', async (t) => {
    const { store } = await open(t)
    await store.write({ do: 'add-key', key: aKey('k1') })
    await t.rejects(store.write({ do: 'add-key', key: aKey('k2', { hash: 'hash of k1' }) }))
    await store.write({ do: 'add-token', token: aToken('t1') })
    await t.rejects(store.write({ do: 'add-token', token: aToken('t2', { hash: 'hash of t1' }) }))
    t.equal((await store.load(NOW)).keys.length, 1)
    t.equal((await store.tokens()).length, 1)
  })

  await t.test('gives the tokens that expire between two times, oldest first', async (t) => {
    const { store } = await open(t)
    for (const [id, createdMs, expiresMs] of [
      ['late', 1, 30],
      ['second', 3, 20],
      ['first', 2, 10],
      ['early', 4, 9],
    ] as const) {
      const times = { createdAt: later(NOW, createdMs), expiresAt: later(NOW, expiresMs) }
      await store.write({ do: 'add-token', token: aToken(id, times) })
    }
    const ids = async (expire?: Parameters<typeof store.tokens>[0]) =>
      (await store.tokens(expire)).map(({ id }) => id)
    t.same(await ids(), ['late', 'first', 'second', 'early'])
    t.same(await ids({ from: later(NOW, 10), to: later(NOW, 20) }), ['first', 'second'])
  })

  await t.test('notes an expiry that was seen, once', async (t) => {
    const { store, reopen } = await open(t)
    await store.write({ do: 'note-expired', ids: ['k1', 't1'] })
    await store.write({ do: 'note-expired', ids: ['t1', 'k2'] })
    t.same([...(await (await reopen()).load(NOW)).expired].toSorted(), ['k1', 'k2', 't1'])
  })

  await t.test('shows no certificate that has expired, and removes it a month later', async (t) => {
    const { store } = await open(t)
    await store.addCertificate(aCertificate('c1', { expiresAt: NOW }), null)
    t.same((await store.load(NOW)).certificates, [])
    t.equal((await store.load(later(NOW, -1))).certificates.length, 1)
    await store.load(later(NOW, 31 * DAY_MS))
    t.same((await store.load(later(NOW, -1))).certificates, [])
  })
}

async function revoking(t: Test, open: Open): Promise<void> {
  await t.test('revokes a key and a token once, with the time', async (t) => {
    const { store, reopen } = await open(t)
    await store.write({ do: 'add-key', key: aKey('k1') })
    await store.write({ do: 'add-token', token: aToken('t1') })
    for (const [what, id] of [
      ['key', 'k1'],
      ['token', 't1'],
    ] as const) {
      t.equal(await store.revoke(what, 'another', NOW), 0)
      t.equal(await store.revoke(what, id, NOW), 1)
      t.equal(await store.revoke(what, id, later(NOW, 1)), 0)
    }
    const again = await reopen()
    t.equal((await again.load(NOW)).keys[0]?.revokedAt, NOW)
    t.equal((await again.tokens())[0]?.revokedAt, NOW)
  })

  await t.test('shuts a slave out with all its certificates, also one that has none', async (t) => {
    const { store } = await open(t)
    for (const serial of ['c1', 'c2']) await store.addCertificate(aCertificate(serial), null)
    await store.addCertificate(aCertificate('c3', { slave: 'slave-2' }), null)
    t.equal(await store.revoke('slave', 'slave-1', NOW), 2)
    t.equal(await store.revoke('slave', 'slave-1', NOW), 0)
    t.equal(await store.revoke('slave', 'slave-9', NOW), 0)
    const { certificates, shutOut } = await store.load(NOW)
    t.same([...shutOut].toSorted(), ['slave-1', 'slave-9'])
    t.same(
      certificates.filter(({ revokedAt }) => revokedAt === null).map(({ serial }) => serial),
      ['c3'],
    )
  })

  await t.test('stores no certificate of a slave that is shut out', async (t) => {
    const { store } = await open(t)
    await store.revoke('slave', 'slave-1', NOW)
    t.notOk(await store.addCertificate(aCertificate('c1'), null))
    t.same((await store.load(NOW)).certificates, [])
  })

  await t.test('stores no certificate in place of one that was revoked', async (t) => {
    const { store } = await open(t)
    await store.addCertificate(aCertificate('c1'), null)
    t.ok(await store.addCertificate(aCertificate('c2'), 'c1'), 'a renewal')
    await store.revoke('slave', 'slave-1', NOW)
    await store.write({ do: 'add-token', token: aToken('t1', { slave: 'slave-1' }) })
    await use(store, 't1')
    t.notOk(await store.addCertificate(aCertificate('c3'), 'c2'))
    t.ok(await store.addCertificate(aCertificate('c4'), null), 'let in by the token')
  })
}

async function uses(t: Test, open: Open): Promise<void> {
  await t.test('says all that decides about a token', async (t) => {
    const { store } = await open(t)
    t.same(await use(store, 't1'), { refusal: null, seen: undefined }, 'there is none')
    const { hash: _, ...token } = aToken('t1', { usesLeft: 2 })
    await store.write({ do: 'add-token', token: { ...token, hash: 'hash of t1' } })
    const nothing = { token, joined: null, isShutOut: false, hasCertificate: false }
    const seen = async (by = {}) => (await use(store, 't1', { refuse: true, ...by })).seen
    t.strictSame(await seen(), nothing)
    await store.addCertificate(aCertificate('c1'), null)
    t.strictSame(await seen(), { ...nothing, hasCertificate: true })
    await store.revoke('slave', 'slave-1', NOW)
    t.strictSame(await seen(), { ...nothing, isShutOut: true })
    await store.addCertificate(aCertificate('c2', { slave: 'slave-2', expiresAt: NOW }), null)
    t.strictSame(await seen({ slave: 'slave-2' }), nothing, 'a certificate that expired is none')
    await use(store, 't1', { slave: 'slave-3' })
    const joined = { ...nothing, token: { ...token, usesLeft: 1 }, joined: 'slave-3' }
    t.strictSame(await seen({ slave: 'slave-2' }), joined, 'the key has joined by another name')
    t.equal((await seen({ publicKey: 'another' }))?.joined, null)
  })

  await t.test('a use that is refused changes nothing', async (t) => {
    const { store } = await open(t)
    await store.write({ do: 'add-token', token: aToken('t1') })
    await store.revoke('slave', 'slave-1', NOW)
    t.equal((await use(store, 't1', { refuse: true })).refusal, 'refused')
    t.equal((await store.tokens())[0]?.usesLeft, 1)
    t.same((await store.load(NOW)).shutOut, ['slave-1'])
  })

  await t.test('neither does one whose decision fails', async (t) => {
    const { store } = await open(t)
    await store.write({ do: 'add-token', token: aToken('t1') })
    const by = { hash: 'hash of t1', slave: 'slave-1', publicKey: 'a key', now: NOW }
    const fail = (): never => {
      throw new Error('no decision')
    }
    await t.rejects(store.useToken(by, fail), /no decision/)
    t.equal((await use(store, 't1')).seen?.token.usesLeft, 1, 'and the next one is not held up')
  })

  await t.test('a use counts once for each key, and ends that a slave is shut out', async (t) => {
    const { store, reopen } = await open(t)
    await store.write({ do: 'add-token', token: aToken('t1', { usesLeft: 2 }) })
    await store.revoke('slave', 'slave-1', NOW)
    for (const publicKey of ['a key', 'a key', 'another']) {
      t.equal((await use(store, 't1', { publicKey })).refusal, null)
    }
    const again = await reopen()
    t.equal((await again.tokens())[0]?.usesLeft, 0)
    t.same((await again.load(NOW)).shutOut, [])
  })
}

async function processes(t: Test, open: Open): Promise<void> {
  await t.test('notices what another process has written since the last load', async (t) => {
    const { store, another } = await open(t)
    const other = await another()
    await store.load(NOW)
    t.notOk(await store.changed())
    await store.write({ do: 'add-key', key: aKey('k1') })
    t.notOk(await store.changed(), 'its own writes are known')
    await other.write({ do: 'add-key', key: aKey('k2') })
    t.ok(await store.changed())
    t.equal((await store.load(NOW)).keys.length, 2)
    t.notOk(await store.changed())
  })

  await t.test('lets one of two use up a token', async (t) => {
    const { store, another } = await open(t)
    const other = await another()
    await store.write({ do: 'add-token', token: aToken('t1') })
    const left: (number | undefined)[] = []
    await Promise.all(
      [store, other].map((each, i) =>
        each.useToken(
          { hash: 'hash of t1', slave: `slave-${i}`, publicKey: `${i}`, now: NOW },
          (use) => {
            left.push(use?.token.usesLeft)
            return use?.token.usesLeft === 0 ? 'used' : null
          },
        ),
      ),
    )
    t.same(left, [1, 0])
  })

  await t.test('renews no certificate that another process has just revoked', async (t) => {
    const { store, another } = await open(t)
    await store.addCertificate(aCertificate('c1'), null)
    await (await another()).revoke('slave', 'slave-1', NOW)
    t.notOk(await store.addCertificate(aCertificate('c2'), 'c1'))
  })
}
