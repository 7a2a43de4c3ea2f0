// Which outcomes one request has, when the next one follows, and what of all this is kept on disk.

import t from 'tap'
import { Raw } from '../../../shared/data/raw-json.ts'
import { PeerError } from '../../../shared/http/peer.ts'
import { createLog } from '../../../shared/process/log.ts'
import type { Callback, CallbacksReply, CallbacksRequest } from '../../../shared/protocol/wire.ts'
import type { Link } from '../../../slave/link/link.ts'
import { createOutbox } from '../../../slave/link/outbox.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'
import { aCallback as callback } from './contract.ts'
import { createMemoryStore } from './memory-store.ts'

type Answer = (error: PeerError | null, reply?: CallbacksReply) => void
/** What the master does with a request; the number counts from 0. */
type Master = (callbacks: Callback[], answer: Answer, number: number) => void

const ids = (callbacks: Callback[]): string[] => callbacks.map(({ attempt }) => attempt)
const many = (count: number): Callback[] =>
  Array.from({ length: count }, (_, i) => callback(`${i}`))
const acknowledge: Master = (callbacks, answer) => answer(null, { acknowledged: ids(callbacks) })
const noResponse = new PeerError('response timeout', true)
const notReached = new PeerError('connection refused', false)

/** An outbox whose pauses are not random, and all that it does. */
async function setUp(master: Master, earlier: Callback[] = []) {
  const clock = createSimulatedClock()
  const { store, kept: onDisk, remove } = createMemoryStore()
  await store.keep(earlier)
  const asked: { atMs: number; attempts: string[]; callbacks: Callback[] }[] = []
  const keeps: string[][] = []
  const drops: string[][] = []
  const told: string[][] = []
  const troubles: (string | null)[] = []
  const lines: { msg: string; reason: string }[] = []
  const began = clock.now()
  const disk = {
    ...store,
    keep: async (callbacks: readonly Callback[]) => {
      keeps.push(ids([...callbacks]))
      return store.keep(callbacks)
    },
    drop: async (attempts: readonly string[]) => {
      drops.push([...attempts])
      return store.drop(attempts)
    },
  }
  const outbox = createOutbox({
    link: {
      callBack({ callbacks }: CallbacksRequest, answer: Answer) {
        asked.push({ atMs: clock.now() - began, attempts: ids(callbacks), callbacks })
        master(callbacks, answer, asked.length - 1)
      },
    } as unknown as Link,
    clock,
    random: { next: () => 0.5 } as never,
    store: disk,
    kept: await store.load(),
    state: () => ({}) as never,
    onAcknowledged: (attempts) => void told.push(attempts),
    onTrouble: (reason) => void troubles.push(reason),
    log: await createLog('test', 'warn', 'json', {
      write: (line: string) => void lines.push(JSON.parse(line)),
    }),
  })
  /** Lets so much time pass, and the disk write. */
  const pass = async (ms: number): Promise<void> => {
    await clock.run({ until: clock.now() + ms })
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { outbox, disk, onDisk, remove, asked, keeps, drops, told, troubles, lines, pass }
}

t.test('the pause doubles with each failure, from 0.1 to 5 s', async (t) => {
  const { outbox, asked, pass } = await setUp((_, answer) => answer(notReached))
  outbox.add([callback('a')])
  await pass(20_000)
  const pauses = asked.slice(1).map(({ atMs }, i) => atMs - (asked[i]?.atMs ?? 0))
  t.same(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000])
  await outbox.close()
})

t.test('a reply that acknowledges some starts the pauses anew', async (t) => {
  const { outbox, asked, told, pass } = await setUp((callbacks, answer) =>
    answer(null, { acknowledged: ids(callbacks).slice(1, 2) }),
  )
  outbox.add(many(5))
  await pass(350)
  t.same(
    asked.map(({ atMs, attempts }) => [atMs, attempts.join('')]),
    [
      [0, '01234'],
      [100, '0234'],
      [200, '034'],
      [300, '04'],
    ],
    'and only what is left is sent again',
  )
  t.same(told, [['1'], ['2'], ['3'], ['4']])
  await outbox.close()
})

t.test('many outcomes go in lists of 512, three at a time', async (t) => {
  const answers: (() => void)[] = []
  const { outbox, asked, onDisk, pass } = await setUp((callbacks, answer, number) => {
    answers.push(() => acknowledge(callbacks, answer, number))
  })
  outbox.add(many(2000))
  await pass(1)
  t.same(
    asked.map(({ attempts }) => attempts.length),
    [512, 512, 512],
  )
  answers[0]?.()
  await pass(10)
  t.same(
    asked.map(({ attempts }) => attempts.length),
    [512, 512, 512, 464],
  )
  t.equal(onDisk.size, 0, 'a master that answers has them')
  await outbox.close()
})

t.test('while requests fail there is one at a time', async (t) => {
  const { outbox, asked, pass } = await setUp((_, answer, number) => {
    if (number === 0) answer(notReached)
  })
  outbox.add(many(2))
  await pass(50)
  outbox.add(Array.from({ length: 1_000 }, (_, i) => callback(`more ${i}`)))
  await pass(60_000)
  t.same(
    asked.map(({ attempts }) => attempts.length),
    [2, 512],
  )
  await outbox.close()
})

t.test('a list becomes half as long only if it reached the master, and then longer', async (t) => {
  const lengths = async (error: PeerError) => {
    const { outbox, asked, pass } = await setUp((callbacks, answer, number) =>
      number === 0 ? answer(error) : acknowledge(callbacks, answer, number),
    )
    outbox.add(many(301))
    await pass(1_000)
    await outbox.close()
    return asked.map(({ attempts }) => attempts.length)
  }
  t.same(await lengths(notReached), [301, 301])
  t.same(await lengths(noResponse), [301, 151, 150])
  t.same(await lengths(new PeerError('answered 422', true, 422)), [301, 151, 150])
})

t.test('a list that the master takes doubles the next, up to 512', async (t) => {
  const { outbox, asked, pass } = await setUp((callbacks, answer, number) =>
    callbacks.length > 100 && number < 4
      ? answer(noResponse)
      : acknowledge(callbacks, answer, number),
  )
  outbox.add(many(3_000))
  await pass(60_000)
  const lengths = asked.map(({ attempts }) => attempts.length)
  const first = lengths.findIndex((length) => length <= 100)
  t.ok(first > 0, lengths.join())
  t.ok(Math.max(...lengths) === 512, lengths.join())
  for (const [i, length] of lengths.slice(first, -1).entries()) {
    const next = lengths[first + i + 1] ?? 0
    t.ok(next <= Math.max(2 * length, 100), `${length}, then ${next}`)
  }
  t.equal(asked.flatMap(({ attempts }) => attempts).length > 3_000, true)
  await outbox.close()
})

t.test('a list has 4 MiB of outcomes, whatever they are, or one', async (t) => {
  const MIB = 1024 * 1024
  const text = (mib: number) => 'x'.repeat(mib * MIB)
  const outcomes: [string, Callback['outcome'], number][] = [
    ['a failure', { status: 'failed', type: 'evaluation', message: text(1) }, 4],
    ['a result as written', { status: 'done', result: new Raw(`"${text(1)}"`) }, 4],
    [
      'a result with words',
      { status: 'done', result: new Raw('1'), resultType: 'number', resultText: text(1) },
      4,
    ],
    ['words', { status: 'done', result: 1, resultText: text(1) }, 4],
    ['a result', { status: 'done', result: text(1) }, 4],
    ['what is too long alone', { status: 'done', result: text(5) }, 1],
  ]
  for (const [what, outcome, wanted] of outcomes) {
    const { outbox, asked, pass } = await setUp(() => {})
    outbox.add(many(12).map((each) => ({ ...each, outcome })))
    await pass(1)
    t.equal(asked[0]?.attempts.length, wanted, what)
    await outbox.close()
  }
})

t.test('an outcome that the master rejects becomes a failure with its reason', async (t) => {
  const reason = `answered 422: ${'no '.repeat(3_000)}`
  const { outbox, asked, pass } = await setUp((callbacks, answer, number) =>
    number === 0
      ? answer(new PeerError(reason, true, 422))
      : acknowledge(callbacks, answer, number),
  )
  outbox.add([callback('a')])
  await pass(1_000)
  const outcome = asked[1]?.callbacks[0]?.outcome
  t.match(outcome, { status: 'failed', type: 'evaluation' })
  const message = outcome?.status === 'failed' ? outcome.message : ''
  t.match(message, /^the master rejects the outcome: answered 422: no no/)
  t.equal(message.length, 4096)
  await outbox.close()
})

t.test('each outcome is kept once, and removed from disk once', async (t) => {
  const { outbox, keeps, drops, troubles, pass } = await setUp((callbacks, answer, number) =>
    number < 3 ? answer(notReached) : acknowledge(callbacks, answer, number),
  )
  outbox.add([callback('a')])
  await pass(50)
  outbox.add([callback('b')])
  await pass(5_000)
  outbox.add([callback('c')])
  await pass(5_000)
  t.same(keeps, [['a'], ['b']])
  t.same(drops, [['a', 'b']], 'what was never on disk is not removed from there')
  t.same(troubles, [])
  await outbox.close()
})

t.test('nothing is sent or said once the outbox is closed', async (t) => {
  let late = (): void => {}
  const { outbox, asked, told, pass } = await setUp((callbacks, answer, number) => {
    late = () => acknowledge(callbacks, answer, number)
  })
  outbox.add([callback('a')])
  await pass(1)
  outbox.add([callback('b')])
  await outbox.close()
  late()
  outbox.add([callback('c')])
  await pass(60_000)
  t.same(
    asked.map(({ attempts }) => attempts),
    [['a']],
  )
  t.same(told, [])
})

t.test(
  'trouble with the disk ends when all outcomes are acknowledged, and not before',
  async (t) => {
    const answers = new Map<string, () => void>()
    const { outbox, disk, troubles, pass } = await setUp((callbacks, answer, number) => {
      if (number === 0) return answer(notReached)
      answers.set(ids(callbacks).join(), () => acknowledge(callbacks, answer, number))
    })
    disk.keep = async () => {
      throw new Error('the disk is full')
    }
    outbox.add([callback('a')])
    await pass(1_000)
    outbox.add([callback('b')])
    const said = 'the slave cannot store results on disk: the disk is full'
    t.ok(troubles.length > 0 && troubles.every((each) => each === said))
    answers.get('a')?.()
    t.equal(troubles.at(-1), said, 'the other is only in memory')
    await pass(1_000)
    answers.get('b')?.()
    t.equal(troubles.filter((each) => each === null).length, 1)
    t.equal(troubles.at(-1), null)
    outbox.add([callback('c')])
    await pass(1_000)
    answers.get('c')?.()
    t.equal(troubles.filter((each) => each === null).length, 1, 'said once')
    await outbox.close()
  },
)

t.test(
  'a warning about the disk is written once, and again after the trouble is over',
  async (t) => {
    let isAway = true
    const { outbox, disk, lines, pass } = await setUp((callbacks, answer, number) =>
      isAway ? answer(notReached) : acknowledge(callbacks, answer, number),
    )
    disk.keep = async () => {
      throw new Error('the disk is full')
    }
    const msg = 'cannot store outcomes on disk; they are kept in memory'
    outbox.add([callback('a')])
    await pass(10_000)
    t.match(lines, [{ msg, reason: 'the disk is full' }])
    t.equal(lines.length, 1)
    isAway = false
    await pass(10_000)
    isAway = true
    outbox.add([callback('b')])
    await pass(1_000)
    t.match(lines, [{ msg }, { msg }])
    t.equal(lines.length, 2)
    await outbox.close()
  },
)

t.test('a store that cannot remove outcomes says so once, and is asked again', async (t) => {
  const { outbox, disk, lines, pass } = await setUp(acknowledge, [callback('a'), callback('b')])
  const asked: string[][] = []
  disk.drop = async (attempts) => {
    asked.push([...attempts])
    throw new Error('the disk is read-only')
  }
  await pass(10)
  outbox.add([callback('c')])
  await pass(10)
  t.same(asked, [
    ['a', 'b'],
    ['a', 'b'],
  ])
  t.match(lines, [{ msg: 'cannot remove acknowledged outcomes from disk yet' }])
  t.equal(lines.length, 1)
  await outbox.close()
})

t.test('of a store that was removed only what it had is written again', async (t) => {
  const { outbox, disk, onDisk, remove, troubles, pass } = await setUp(() => {}, [callback('a')])
  let renewals = 0
  const { renew } = disk
  disk.renew = async () => {
    renewals++
    return renew()
  }
  await pass(1)
  outbox.add([callback('b')])
  await pass(10)
  t.equal(await outbox.look(), null)
  t.equal(renewals, 0)
  remove()
  t.equal(await outbox.look(), 'the folder was removed')
  t.same([...onDisk.keys()], ['a'], 'the answer for the other may still come')
  t.equal(renewals, 1)
  remove()
  disk.renew = async () => {
    throw new Error('the disk is read-only')
  }
  t.equal(await outbox.look(), 'the folder was removed')
  t.same(troubles, ['the slave cannot store results on disk: the disk is read-only'])
  disk.renew = renew
  await outbox.close()
})

t.test('one file of many that peers fetch is enough for an outcome to be lost', async (t) => {
  const file = { name: 'f', bytes: 1, sha256: 'a'.repeat(64) }
  const files = [file, { ...file, url: 'http://127.0.0.1:1/x' }]
  const { outbox, asked, pass } = await setUp(acknowledge, [
    callback('a', { outcome: { status: 'done', result: 1, files } }),
  ])
  await pass(1)
  t.match(asked[0]?.callbacks, [{ outcome: { status: 'failed', type: 'slave-lost' } }])
  await outbox.close()
})
