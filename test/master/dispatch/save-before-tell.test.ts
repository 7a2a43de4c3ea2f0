// Who is told what before it is saved, and who only after: each effect of the core, as the master's shell
// performs it. Commits end when the test says so. An unrelated commit is under way first, so there are
// three answers:
//
//   at once       while that commit is under way
//   what came     when that commit has ended: it tells nothing that must be saved itself
//   before it
//   its own       when the next commit has ended, which saves what it tells

import t from 'tap'
import type { Effect, Input } from '../../../master/core/messages.ts'
import type { OutgoingOffer } from '../../../master/dispatch/channel.ts'
import { createDispatcher } from '../../../master/dispatch/dispatcher.ts'
import { createOutputs } from '../../../master/dispatch/output-schemas.ts'
import type { PollAnswer } from '../../../master/dispatch/poll-channel.ts'
import { inOrder } from '../../../master/policies/in-order.ts'
import { createMemoryStore } from '../../../master/store/memory.ts'
import { StoreFullError } from '../../../master/store/store.ts'
import { createRandom } from '../../../shared/data/random.ts'
import { createLog } from '../../../shared/process/log.ts'
import type { HeldAttempt, Outcome, SlaveState } from '../../../shared/protocol/wire.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'
import { settings, submission } from '../submission.ts'

const log = await createLog('test', 'silent')
const DONE: Outcome = { status: 'done', result: null }
const cardOf = (name: string) => ({
  name,
  boot: `boot of ${name}`,
  version: '1',
  kinds: ['work'],
  tags: [],
  slots: 1,
})

/** A master without slaves, whose slaves and commits are the test's. */
async function createWorld() {
  const clock = createSimulatedClock()
  const commits: (() => void)[] = []
  const store = createMemoryStore({ schedule: (run) => void commits.push(run) })
  /** What was told, in order: `answer drain`, `offer task-1`. */
  const told: string[] = []
  const states = new Map<string, SlaveState>()
  let attempts = 0
  let tasks = 0
  let offer: OutgoingOffer | undefined
  let receive = (_input: Input): void => {}
  const dispatcher = await createDispatcher({
    settings: { ...settings, keepMs: Infinity, keepTasksMax: Infinity },
    slaves: [],
    policy: inOrder,
    store,
    clock: clock.of({ alive: true, pausedUntil: 0 }),
    random: createRandom(1),
    taskIds: () => () => `task-${++tasks}`,
    attemptIds: () => ({
      issuer: 'master',
      make: () => `attempt-${++attempts}`,
      made: () => true,
    }),
    outputs: createOutputs(new Map()),
    log,
    push: (take) => {
      receive = take
      return {
        to: (slave) => ({
          expect: () => {},
          offer(outgoing) {
            if (outgoing === null) return
            offer = outgoing
            told.push(`offer ${outgoing.task}`)
          },
          revoke: () => void told.push(`revoke ${slave}`),
        }),
        visit: (slave, url, token) => {
          told.push(`visit ${slave}`)
          const said = { card: cardOf(slave), state: stateOf(slave), attempts: [] }
          receive({ is: 'visited', name: slave, url, said, token })
        },
        close: async () => {},
      }
    },
    onEvent: (event) => void told.push(`event ${'status' in event ? event.status : event.type}`),
    onOver: ({ id }) => void told.push(`over ${id}`),
    onBroken: (error) => void told.push(`broken ${error.message}`),
  })

  function stateOf(name: string, more: Partial<SlaveState> = {}): SlaveState {
    const fresh = { slave: name, boot: `boot of ${name}`, generation: 0, slots: 1, free: 1 }
    const before = states.get(name) ?? { ...fresh, mode: 'accepting' as const, reason: '' }
    const state = { ...before, generation: before.generation + 1, ...more }
    states.set(name, state)
    return state
  }

  /** All that can happen without a commit ending. */
  async function settle(): Promise<void> {
    for (let i = 0; i < 5; i++) {
      await clock.run({ until: clock.now() })
      await new Promise(setImmediate)
    }
  }

  const world = {
    dispatcher,
    store,
    commits,
    told,
    stateOf,
    settle,

    /** Notes when it is answered, and how. */
    ask(what: string, reply: Promise<unknown>): void {
      reply.then(
        () => told.push(`answer ${what}`),
        ({ type }: { type: string }) => told.push(`${type} ${what}`),
      )
    },

    /** One commit ends. */
    async commit(): Promise<void> {
      commits.shift()?.()
      await settle()
    },

    /** Until nothing is unsaved. */
    async saveAll(): Promise<void> {
      await settle()
      while (commits.length > 0) await world.commit()
    },

    register: (name: string): Promise<unknown> =>
      dispatcher.register({ ...cardOf(name), url: `http://${name}` }),

    submit(more: Partial<typeof submission> = {}): void {
      world.ask('submit', dispatcher.submit({ ...submission, ...more }))
    },

    /** The slave takes the last offer. */
    take(name: string): void {
      const { attempt } = offer as OutgoingOffer
      const answers = [{ attempt, answer: 'taken' as const, reason: '' }]
      receive({ is: 'answers', slave: name, state: stateOf(name, { free: 0 }), answers })
    },

    /** Of the last offer. */
    held: (): HeldAttempt => {
      const { attempt, task } = offer as OutgoingOffer
      return { attempt, task, status: 'running' }
    },

    callBack(name: string): void {
      const { attempt, task } = offer as OutgoingOffer
      const state = stateOf(name, { free: 1 })
      const callbacks = [{ attempt, task, outcome: DONE, ranMs: 1 }]
      world.ask('callbacks', dispatcher.callbacks({ state, callbacks }))
    },

    beat: (name: string, attempts: HeldAttempt[] = []): void =>
      world.ask('heartbeat', dispatcher.heartbeat({ state: stateOf(name), attempts })),

    /** A simple slave polls; its poll is held. */
    poll(name: string): void {
      const said = { simple: true as const, slave: name, kinds: ['work'] }
      dispatcher.poll(said, 1e6, (problem, answer) => tellPoll(problem?.type, answer))
    },

    /** A slave that registered to pull polls. */
    pull(name: string): void {
      const said = { simple: false as const, state: stateOf(name) }
      dispatcher.poll(said, 1e6, (problem, answer) => tellPoll(problem?.type, answer))
    },
  }
  return world

  function tellPoll(problem: string | undefined, answer: PollAnswer | null): void {
    if (answer?.offers[0]) offer = answer.offers[0]
    for (const { task } of answer?.offers ?? []) told.push(`poll ${task}`)
    if (answer && answer.revoke.length > 0) told.push('poll revoke')
    if (!answer) told.push(`poll ${problem ?? 'over'}`)
  }
}

type World = Awaited<ReturnType<typeof createWorld>>

/** How many commits end before it is told. */
const AT_ONCE = 0
const WHAT_CAME_BEFORE = 1
const ITS_OWN = 2

type Row = {
  /** The effect that is performed. */
  effect: string
  /** What is told, as in `told`. */
  tells: string
  when: number
  /** What comes before, and is saved: nothing more than a free slave when not given. */
  given?: (world: World) => void | Promise<void>
  does: (world: World) => void
}

/** slave-1 has the task. */
async function running(world: World): Promise<void> {
  world.submit()
  await world.settle()
  world.take('slave-1')
}

const ROWS = [
  {
    effect: 'accept',
    tells: 'answer submit',
    when: ITS_OWN,
    given: (world) => world.submit(),
    does: (world) => world.take('slave-1'),
  },
  {
    effect: 'accept',
    tells: 'answer submit',
    when: ITS_OWN,
    given: running,
    does: (world) => world.submit({ queue: true }),
  },
  {
    effect: 'save',
    tells: 'event in progress',
    when: ITS_OWN,
    given: (world) => world.submit(),
    does: (world) => world.take('slave-1'),
  },
  {
    effect: 'end',
    tells: 'answer wait',
    when: ITS_OWN,
    given: running,
    does: (world) => {
      world.ask('wait', world.dispatcher.wait('task-1', 1e9))
      world.callBack('slave-1')
    },
  },
  {
    effect: 'end',
    tells: 'over task-1',
    when: ITS_OWN,
    given: running,
    does: (world) => world.callBack('slave-1'),
  },
  {
    effect: 'end',
    tells: 'event done',
    when: ITS_OWN,
    given: running,
    does: (world) => world.callBack('slave-1'),
  },
  {
    effect: 'acknowledge',
    tells: 'answer callbacks',
    when: ITS_OWN,
    given: running,
    does: (world) => world.callBack('slave-1'),
  },
  {
    effect: 'revoke',
    tells: 'revoke slave-1',
    when: ITS_OWN,
    given: running,
    does: (world) => world.ask('cancel', world.dispatcher.cancel('task-1')),
  },
  {
    effect: 'answer-heartbeat',
    tells: 'answer heartbeat',
    when: AT_ONCE,
    given: running,
    does: (world) => world.beat('slave-1', [world.held()]),
  },
  {
    effect: 'revoke-by-heartbeat',
    tells: 'answer heartbeat',
    when: ITS_OWN,
    given: running,
    does: (world) => {
      world.ask('cancel', world.dispatcher.cancel('task-1'))
      world.beat('slave-1', [world.held()])
    },
  },
  {
    effect: 'visit',
    tells: 'visit slave-1',
    when: AT_ONCE,
    does: (world) => world.ask('register', world.register('slave-1')),
  },
  {
    effect: 'answer-registration',
    tells: 'answer register',
    when: AT_ONCE,
    does: (world) => world.ask('register', world.register('slave-1')),
  },
  {
    effect: 'repeat',
    tells: 'answer register',
    when: ITS_OWN,
    does: (world) => world.ask('register', world.register('slave-2')),
  },
  {
    effect: 'save-slave',
    tells: 'stored slave-2',
    when: ITS_OWN,
    does: (world) => world.ask('register', world.register('slave-2')),
  },
  {
    effect: 'drop-slave',
    tells: 'stored nothing',
    when: ITS_OWN,
    does: (world) => world.ask('leave', world.dispatcher.leave('slave-1', 'boot of slave-1')),
  },
  {
    effect: 'answer',
    tells: 'answer leave',
    when: ITS_OWN,
    does: (world) => world.ask('leave', world.dispatcher.leave('slave-1', 'boot of slave-1')),
  },
  {
    effect: 'answer',
    tells: 'answer drain',
    when: ITS_OWN,
    does: (world) => world.ask('drain', world.dispatcher.drain('slave-1', true)),
  },
  {
    effect: 'answer-problem',
    tells: 'no-such-slave drain',
    when: WHAT_CAME_BEFORE,
    does: (world) => world.ask('drain', world.dispatcher.drain('nobody', true)),
  },
  {
    effect: 'offer',
    tells: 'offer task-1',
    when: AT_ONCE,
    does: (world) => world.submit(),
  },
  {
    effect: 'refuse',
    tells: 'at-capacity submit',
    when: AT_ONCE,
    given: running,
    does: (world) => world.submit(),
  },
  {
    effect: 'refuse',
    tells: 'event refused',
    when: AT_ONCE,
    given: running,
    does: (world) => world.submit(),
  },
  {
    effect: 'open-poll',
    tells: 'poll task-1',
    when: AT_ONCE,
    given: (world) => {
      world.ask('drain', world.dispatcher.drain('slave-1', true))
      world.poll('simple')
    },
    does: (world) => world.submit(),
  },
  {
    effect: 'end-poll',
    tells: 'poll no-such-slave',
    when: AT_ONCE,
    does: (world) => world.pull('nobody'),
  },
  {
    effect: 'revoke',
    tells: 'poll revoke',
    when: ITS_OWN,
    given: pullerRuns,
    does: (world) => world.ask('cancel', world.dispatcher.cancel('task-1')),
  },
] as const satisfies Row[]

/** A slave that polls runs task-1, and polls again. */
async function pullerRuns(world: World): Promise<void> {
  world.ask('drain', world.dispatcher.drain('slave-1', true))
  world.ask('register', world.dispatcher.register({ ...cardOf('puller'), pull: true }))
  await world.saveAll()
  world.pull('puller')
  await world.settle()
  world.submit()
  await world.saveAll()
  world.stateOf('puller', { free: 0 })
  world.pull('puller')
}

/** Those that are no message to anybody, or that have a test of their own below. */
const ELSEWHERE = ['save-kind', 'unattached', 'revoke-now'] as const

/** An effect without a row does not compile. */
type Covered = (typeof ROWS)[number]['effect'] | (typeof ELSEWHERE)[number]
const uncovered: Exclude<Effect['do'], Covered>[] = []

/** A master with a free slave, what the row begins with, and a commit under way. */
async function before(given: Row['given']): Promise<World> {
  const world = await createWorld()
  world.ask('register', world.register('slave-1'))
  await world.saveAll()
  await given?.(world)
  await world.saveAll()
  world.ask('aside', world.register('aside'))
  await world.settle()
  world.told.length = 0
  return world
}

/** What the store holds of slaves counts as told, too: to the next start. */
async function isTold(world: World, tells: string): Promise<boolean> {
  if (!tells.startsWith('stored')) return world.told.includes(tells)
  const names = (await world.store.load()).slaves.map(({ name }) => name)
  return tells === 'stored nothing' ? !names.includes('slave-1') : names.includes(tells.slice(7))
}

const WHEN = ['at once', 'when what came before it is saved', 'when it is saved itself']

for (const { effect, tells, when, does, ...row } of ROWS as readonly Row[]) {
  t.test(`${effect}: "${tells}" is told ${WHEN[when]}`, async (t) => {
    const world = await before(row.given)
    t.equal(world.commits.length, 1, 'a commit is under way')
    does(world)
    await world.settle()
    for (let ended = 0; ended < when; ended++) {
      t.notOk(await isTold(world, tells), `not after ${ended} commits: ${world.told.join(', ')}`)
      await world.commit()
    }
    t.ok(await isTold(world, tells), `after ${when} commits: ${world.told.join(', ')}`)
    await world.saveAll()
    await world.dispatcher.close()
  })
}

t.test('every effect has a row', async (t) => {
  t.same(uncovered, [])
})

t.test('save-kind: a kind is known to the next start once its slave is saved', async (t) => {
  const world = await createWorld()
  world.ask('register', world.register('slave-1'))
  await world.settle()
  t.same((await world.store.load()).kinds, [])
  await world.saveAll()
  t.same((await world.store.load()).kinds, ['work'])
  await world.dispatcher.close()
})

t.test('revoke: a slave that has polled again meanwhile is told by its newest poll', async (t) => {
  const world = await before(pullerRuns)
  world.ask('cancel', world.dispatcher.cancel('task-1'))
  await world.settle()
  world.pull('puller')
  await world.saveAll()
  t.ok(world.told.includes('poll over'), 'the poll that was open when it was decided')
  t.ok(world.told.includes('poll revoke'), world.told.join(', '))
  await world.dispatcher.close()
})

t.test('revoke-now: what found no room is revoked while the rest is still unsaved', async (t) => {
  const world = await before((world) => world.submit())
  await world.commit()
  world.take('slave-1')
  await world.settle()
  world.store.failNext(new StoreFullError('full'))
  await world.commit()
  t.ok(world.told.includes('revoke slave-1'), world.told.join(', '))
  t.ok(world.told.includes('store-full submit'))
  t.notOk(world.told.includes('answer submit'))
  t.equal(world.commits.length, 1, 'which is tried again')
  await world.saveAll()
  await world.dispatcher.close()
})
