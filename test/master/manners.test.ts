// What a request says beside its body: whose its Idempotency-Key is, and whether it is a dry run.

import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { partKey } from '../../master/core/part-names.ts'
import { isDryRun, itemManners, manners } from '../../master/http/routes/request-options.ts'

/** What a key becomes for the store: in a header and in a batch. */
function stored(client: string, key: string): string | null {
  const request = { url: '/tasks', body: {}, bodyBytes: Buffer.from('{}'), caller: { client } }
  const headers = { 'idempotency-key': key }
  const alone = manners({ ...request, headers } as unknown as FastifyRequest, 0).idempotencyKey
  const owner = client === '*' ? null : client
  const [, { idempotencyKey }] = itemManners(
    { idempotencyKey: key },
    { waitMs: 0, trace: null, client: owner },
    Buffer.alloc(0),
    undefined,
  )
  t.equal(idempotencyKey, alone)
  return alone
}

t.test('a key of nobody in particular is never the key of a client or of a part', async (t) => {
  const part = partKey('ticket', { stage: 0, index: 0 }, 0)
  const keys = ['k1', 'client:alice:k1', 'any:client:alice:k1', 'any:k1', part, `any:${part}`]
  const all = ['*', 'alice', 'bob'].flatMap((client) => keys.map((key) => stored(client, key)))
  t.equal(new Set(all).size, all.length)
  t.notOk(all.includes(part))
  t.equal(stored('*', 'k1'), 'k1', 'as an earlier version stored it')
})

t.test('a dry run is asked for by true, 1 or nothing, and by no other word', async (t) => {
  const isDry = (word: string) => isDryRun({ 'dry-run': word })
  t.same(['', 'true', 'TRUE', '1', 'false', '0'].map(isDry), [true, true, true, true, false, false])
  t.equal(isDryRun({}), false)
  for (const word of ['constructor', 'toString', '__proto__', 'maybe', '2']) {
    t.throws(() => isDry(word), /must be true, false or without a value/, word)
  }
})
