// What a slave keeps of its outcomes when it must go.

import t from 'tap'
import { createRandom } from '../../../shared/data/random.ts'
import { PeerError } from '../../../shared/http/peer.ts'
import { createLog } from '../../../shared/process/log.ts'
import type {
  Callback,
  CallbacksReply,
  CallbacksRequest,
  Outcome,
} from '../../../shared/protocol/wire.ts'
import type { Link } from '../../../slave/link/link.ts'
import { createOutbox } from '../../../slave/link/outbox.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'
import { aCallback as callback } from './contract.ts'
import { createMemoryStore } from './memory-store.ts'

type Answer = (error: PeerError | null, reply?: CallbacksReply) => void

/** An outbox, what it asked of the master, and what its store has. */
async function setUp(
  onRequest: (callbacks: Callback[], answer: Answer) => void = () => {},
  earlier: Callback[] = [],
) {
  const clock = createSimulatedClock()
  const asked: string[][] = []
  const troubles: (string | null)[] = []
  const { store, kept: onDisk, remove } = createMemoryStore()
  await store.keep(earlier)
  const outbox = createOutbox({
    link: {
      callBack({ callbacks }: CallbacksRequest, answer: Answer) {
        asked.push(callbacks.map(({ attempt }) => attempt))
        onRequest(callbacks, answer)
      },
    } as unknown as Link,
    clock,
    random: createRandom(1),
    store,
    kept: await store.load(),
    state: () => ({}) as never,
    onAcknowledged: () => {},
    onTrouble: (reason) => void troubles.push(reason),
    log: await createLog('test', 'silent'),
  })
  return { clock, asked, store, onDisk, outbox, remove, troubles }
}

const away = (delivered: boolean) => new PeerError('response timeout', delivered)

t.test('what is on its way to a master that does not answer is kept too', async (t) => {
  const { clock, asked, onDisk, outbox } = await setUp()
  for (const attempt of ['a', 'b', 'c', 'd']) {
    outbox.add([callback(attempt)])
    await clock.run({ until: clock.now() + 10 })
  }
  t.same(asked, [['a'], ['b'], ['c']], 'no more requests at a time')
  await outbox.close()
  t.same([...onDisk.keys()].toSorted(), ['a', 'b', 'c', 'd'])
})

t.test('outcomes that come during a request are sent together when it ends', async (t) => {
  const answers: Answer[] = []
  const { clock, asked, outbox } = await setUp((_, answer) => void answers.push(answer))
  for (const attempt of ['a', 'b', 'c']) {
    outbox.add([callback(attempt)])
    await clock.run({ until: clock.now() + 1 })
  }
  t.same(asked, [['a']])
  answers[0]?.(null, { acknowledged: ['a'] })
  await clock.run({ until: clock.now() + 1 })
  t.same(asked, [['a'], ['b', 'c']])
  await outbox.close()
})

t.test('outcomes wait 5 ms at most for the end of a request, and many not at all', async (t) => {
  const { clock, asked, outbox } = await setUp()
  outbox.add([callback('a')])
  await clock.run({ until: clock.now() + 1 })
  outbox.add([callback('b')])
  await clock.run({ until: clock.now() + 4 })
  t.equal(asked.length, 1)
  await clock.run({ until: clock.now() + 2 })
  t.same(asked, [['a'], ['b']])
  outbox.add(Array.from({ length: 64 }, (_, i) => callback(`${i}`)))
  await clock.run({ until: clock.now() + 1 })
  t.same(asked.at(-1)?.length, 64)
  await outbox.close()
})

t.test(
  'while the master is away all outcomes are kept, not only those that were sent',
  async (t) => {
    const { clock, onDisk, outbox } = await setUp((_, answer) => answer(away(false)))
    const many = Array.from({ length: 2000 }, (_, i) => callback(`${i}`))
    outbox.add(many)
    await clock.run({ until: clock.now() + 1000 })
    t.equal(onDisk.size, many.length)
    outbox.add([callback('one more')])
    t.ok(onDisk.has('one more'), 'at once')
    await outbox.close()
  },
)

t.test('a list that does not arrive in time is made shorter, until it does', async (t) => {
  const TOO_MANY = 10
  const { clock, asked, onDisk, outbox } = await setUp((callbacks, answer) => {
    if (callbacks.length > TOO_MANY) return answer(away(true))
    answer(null, { acknowledged: callbacks.map(({ attempt }) => attempt) })
  })
  outbox.add(Array.from({ length: 300 }, (_, i) => callback(`${i}`)))
  await clock.run({ until: clock.now() + 600_000 })
  const arrived = asked.filter(({ length }) => length <= TOO_MANY).flat()
  t.equal(new Set(arrived).size, 300)
  t.equal(onDisk.size, 0)
  await outbox.close()
})

t.test('a list is bounded by what its results are as JSON, however they came', async (t) => {
  const { clock, asked, outbox } = await setUp()
  const result = Array.from({ length: 100_000 }, () => 0.5)
  const large = (attempt: string): Callback => ({
    ...callback(attempt),
    outcome: { status: 'done', result },
  })
  outbox.add(Array.from({ length: 40 }, (_, i) => large(`${i}`)))
  await clock.run({ until: clock.now() + 1 })
  t.ok(asked[0]!.length > 5 && asked[0]!.length < 15, `${asked[0]!.length} of 400,000 characters`)
  await outbox.close()
})

t.test('as many as an outbox may ever hold are sent again after a start', async (t) => {
  const earlier = Array.from({ length: 200_000 }, (_, i) => callback(`${i}`))
  const { clock, asked, onDisk, outbox } = await setUp(
    (callbacks, answer) => answer(null, { acknowledged: callbacks.map(({ attempt }) => attempt) }),
    earlier,
  )
  t.equal(onDisk.size, earlier.length)
  await clock.run({ until: clock.now() + 1000 })
  t.equal(asked.flat().length, earlier.length)
  t.equal(onDisk.size, 0, 'what is acknowledged is removed from the store')
  await outbox.close()
})

t.test('what was kept for peers is lost with the run of the agent that kept it', async (t) => {
  const file = { name: 'f', bytes: 1, sha256: 'a'.repeat(64) }
  const outcome = (more: object) => ({
    status: 'done' as const,
    result: 1,
    files: [{ ...file, ...more }],
  })
  const sent: Outcome[] = []
  const { clock, outbox } = await setUp(
    (callbacks) => void sent.push(...callbacks.map(({ outcome }) => outcome)),
    [
      { ...callback('here'), outcome: outcome({ url: 'http://127.0.0.1:1/x' }) },
      { ...callback('there'), outcome: outcome({}) },
    ],
  )
  await clock.run({ until: clock.now() + 1 })
  t.match(sent, [
    { status: 'failed', type: 'slave-lost' },
    { status: 'done', result: 1 },
  ])
  await outbox.close()
})

t.test(
  'only 400, 413 and 422 refuse an outcome for good; any other status is tried again',
  async (t) => {
    for (const status of [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503]) {
      const outcomes: string[] = []
      const { clock, outbox } = await setUp((callbacks, answer) => {
        outcomes.push(...callbacks.map(({ outcome }) => outcome.status))
        if (outcomes.length > 1) return answer(null, { acknowledged: ['a'] })
        answer(new PeerError(`answered ${status}`, true, status))
      })
      outbox.add([callback('a')])
      await clock.run({ until: clock.now() + 60_000 })
      const isRefusal = [400, 413, 422].includes(status)
      t.same(outcomes, ['done', isRefusal ? 'failed' : 'done'], `${status}`)
      await outbox.close()
    }
  },
)

t.test('an outcome at fault is found by shorter lists, and no other is replaced', async (t) => {
  const taken = new Map<string, string>()
  const { clock, outbox } = await setUp((callbacks, answer) => {
    if (callbacks.some(({ attempt, outcome }) => attempt === '7' && outcome.status === 'done')) {
      return answer(new PeerError('answered 422', true, 422))
    }
    for (const { attempt, outcome } of callbacks) taken.set(attempt, outcome.status)
    answer(null, { acknowledged: callbacks.map(({ attempt }) => attempt) })
  })
  outbox.add(Array.from({ length: 20 }, (_, i) => callback(`${i}`)))
  await clock.run({ until: clock.now() + 600_000 })
  t.equal(taken.size, 20)
  t.same(
    [...taken].filter(([, status]) => status === 'failed'),
    [['7', 'failed']],
  )
  await outbox.close()
})

t.test(
  'outcomes that a reply does not acknowledge are sent again after growing pauses',
  async (t) => {
    const { clock, asked, outbox } = await setUp((_, answer) => answer(null, { acknowledged: [] }))
    outbox.add([callback('a')])
    await clock.run({ until: clock.now() + 60_000 })
    t.ok(asked.length > 5 && asked.length < 40, `${asked.length} requests in a minute`)
    await outbox.close()
  },
)

t.test(
  'a sign of life of the master ends the pause only after a try that had no response',
  async (t) => {
    const answers: [string, (answer: Answer) => void, boolean][] = [
      ['no response', (answer) => answer(away(true)), true],
      ['not reached', (answer) => answer(away(false)), true],
      ['503', (answer) => answer(new PeerError('answered 503', true, 503)), false],
      ['404', (answer) => answer(new PeerError('answered 404', true, 404)), false],
      ['nothing acknowledged', (answer) => answer(null, { acknowledged: [] }), false],
    ]
    for (const [words, give, ends] of answers) {
      const { clock, asked, outbox } = await setUp((_, answer) => give(answer))
      outbox.add([callback('a')])
      await clock.run({ until: clock.now() + 20_000 })
      const before = asked.length
      for (let beat = 0; beat < 3; beat++) {
        outbox.wake()
        await clock.run({ until: clock.now() + 10 })
      }
      t.equal(asked.length - before, ends ? 3 : 0, words)
      await outbox.close()
    }
  },
)

t.test('what was kept in a folder that was removed is kept again in a new one', async (t) => {
  const { clock, onDisk, outbox, remove } = await setUp((_, answer) => answer(away(false)))
  outbox.add([callback('a'), callback('b')])
  await clock.run({ until: clock.now() + 1000 })
  t.same([...onDisk.keys()], ['a', 'b'])
  t.equal(await outbox.look(), null, 'as long as it is there nothing is to be said')
  remove()
  t.equal(await outbox.look(), 'the folder was removed')
  t.same([...onDisk.keys()].toSorted(), ['a', 'b'])
  remove()
  outbox.add([callback('c')])
  await outbox.close()
  t.same(
    [...onDisk.keys()].toSorted(),
    ['a', 'b', 'c'],
    'also when it is removed just before the end',
  )
})

t.test('what a store cannot keep is tried again with the next outcomes, and said', async (t) => {
  const { clock, store, onDisk, outbox, troubles } = await setUp((_, answer) => answer(away(false)))
  const { keep } = store
  store.keep = async () => {
    throw new Error('the disk is full')
  }
  outbox.add([callback('a')])
  await clock.run({ until: clock.now() + 10 })
  t.same(troubles, ['the slave cannot store results on disk: the disk is full'])
  store.keep = keep
  await clock.run({ until: clock.now() + 1000 })
  t.same([...onDisk.keys()], ['a'])
  t.equal(troubles.at(-1), null)
  await outbox.close()
})

t.test('a slave whose outcomes are all acknowledged has no trouble with its disk', async (t) => {
  let isAway = true
  const { clock, store, outbox, troubles } = await setUp((callbacks, answer) => {
    if (isAway) answer(away(false))
    else answer(null, { acknowledged: callbacks.map(({ attempt }) => attempt) })
  })
  store.keep = async () => {
    throw new Error('the disk is full')
  }
  outbox.add([callback('a'), callback('b')])
  await clock.run({ until: clock.now() + 10 })
  t.equal(troubles.at(-1), 'the slave cannot store results on disk: the disk is full')
  isAway = false
  await clock.run({ until: clock.now() + 1000 })
  t.equal(troubles.at(-1), null, 'it accepts tasks again, though nothing was stored since')
  await outbox.close()
})

t.test('what a store cannot drop is dropped with the next acknowledgement', async (t) => {
  const { clock, store, onDisk, outbox, troubles } = await setUp(
    (callbacks, answer) => answer(null, { acknowledged: callbacks.map(({ attempt }) => attempt) }),
    [callback('a')],
  )
  const { drop } = store
  store.drop = async () => {
    throw new Error('the disk is read-only')
  }
  await clock.run({ until: clock.now() + 10 })
  store.drop = drop
  t.same([...onDisk.keys()], ['a'])
  outbox.add([callback('b')])
  await clock.run({ until: clock.now() + 10 })
  t.same([...onDisk.keys()], [])
  t.same(troubles, [], 'it is no reason to refuse tasks')
  await outbox.close()
})
