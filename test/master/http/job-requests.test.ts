// What is looked up before a job is accepted.

import { test } from 'tap'
import type { Slave } from '../../../master/core/state.ts'
import { createJobRequests } from '../../../master/http/job-requests.ts'
import type { Blobs } from '../../../master/jobs/blobs.ts'
import type { JobKind } from '../../../shared/kinds/job-kind.ts'
import { Problem } from '../../../shared/protocol/problems.ts'

/** Its input names two blobs; its parts use one of them, twice, and a third. */
const kind: JobKind<string[]> = {
  name: 'sum',
  summary: '',
  input: {},
  output: {},
  blobs: () => ['a', 'b', 'a'],
  needs: () => ['work'],
  examples: [],
  stages: [
    {
      name: 'work',
      parts: () =>
        ['a', 'a', 'c'].map((blob) => ({
          kind: 'work',
          input: null,
          files: [{ name: 'file', blob }],
        })),
    },
  ],
  combine: () => ({ result: null }),
}

const slave = { standing: 'alive', kinds: ['work'], slots: 2, reports: 'here' } as unknown as Slave

function setUp(missing = '', slaves = [slave], its = kind) {
  const asked: string[] = []
  const get = async (sha256: string) => {
    asked.push(sha256)
    if (sha256 === missing) throw new Problem('no-such-blob', `there is no blob ${sha256}`)
  }
  const requests = createJobRequests({
    kinds: new Map([['sum', its as JobKind]]),
    blobs: { get } as unknown as Blobs,
    slaves: () => slaves,
    runLimitMs: 1000,
    runLimitMsMax: 1000,
  })
  const parse = () => requests.parse({ kind: 'sum', input: [] }, () => undefined, null)
  return { asked, parse }
}

test('looks each blob up once, whoever names it and however often', async (t) => {
  const { asked, parse } = setUp()
  t.match(await parse(), { kind: 'sum', input: '[]', slots: 2, slaves: 1 })
  t.same(asked, ['a', 'b', 'c'])
})

test('refuses a job when a blob is missing that its input or a part names', async (t) => {
  for (const missing of ['a', 'b', 'c']) {
    await t.rejects(setUp(missing).parse(), { type: 'no-such-blob', message: missing })
  }
})

test('says whether each slave offers all of some kinds or none', async (t) => {
  const two = { ...kind, together: () => ['fast', 'work'] }
  const offering = (...kinds: string[]) => ({ ...slave, kinds }) as Slave
  const [both, work, fast, other] = [
    offering('work', 'fast', 'more'),
    offering('work'),
    offering('fast'),
    offering('other'),
  ]
  const of = async (...slaves: Slave[]) => (await setUp('', slaves, two).parse()).together
  t.equal(await of(both), 1)
  t.equal(await of(both, other), 1, 'one of them does neither')
  t.equal(await of(both, work), 0, 'one is slow')
  t.equal(await of(both, fast), 0)
  t.equal((await setUp().parse()).together, 1, 'it is not asked for')
})
