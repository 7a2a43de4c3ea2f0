// The master of a simulated world: the production dispatcher, with simulated clock, network, disk and
// channels to slaves in place of the real ones.

import type { CoreSettings } from '../../../master/core/context.ts'
import type { RefusedEvent, TaskEvent } from '../../../master/core/events.ts'
import type { Input } from '../../../master/core/messages.ts'
import type { Task } from '../../../master/core/state.ts'
import type { OutgoingOffer } from '../../../master/dispatch/channel.ts'
import { howUnanswered } from '../../../master/dispatch/channel.ts'
import { createDispatcher } from '../../../master/dispatch/dispatcher.ts'
import type { KeepBlobs } from '../../../master/dispatch/kept-files.ts'
import { createOutputs } from '../../../master/dispatch/output-schemas.ts'
import type { PushChannels } from '../../../master/dispatch/push-channel.ts'
import type { Policy } from '../../../master/policies/policy.ts'
import type { Store } from '../../../master/store/store.ts'
import type { IdsAfter } from '../../../shared/data/ids.ts'
import type { Random } from '../../../shared/data/random.ts'
import { PeerError } from '../../../shared/http/peer.ts'
import { watchClock } from '../../../shared/process/clock-watch.ts'
import { createLog } from '../../../shared/process/log.ts'
import type { Problem } from '../../../shared/protocol/problems.ts'
import type { Offer, OffersReply, RevokeReply } from '../../../shared/protocol/wire.ts'
import type { Agent } from '../../../slave/agent/agent.ts'
import type { Life, Machine, SimulatedClock } from './clock.ts'
import type { AskedProcess, Directory, MasterProcess } from './directory.ts'
import type { Network } from './network.ts'
import { copy } from './network.ts'
import type { Says } from './odd-answers.ts'

const log = await createLog('simulation', 'silent')

export async function startMasterProcess(given: {
  clock: SimulatedClock
  network: Network
  directory: Directory
  store: Store
  settings: CoreSettings
  policy: Policy
  random: Random
  taskIds: IdsAfter
  /** Where it runs; without it the clock is right, and is not watched. */
  machine?: Machine
  slaves?: { name: string; url: string }[]
  onOffer?: (offer: OutgoingOffer, slave: string) => void
  onRevoke?: (slave: string) => void
  onAnswer?: (attempt: string, answer: string) => void
  /** The master hears of an answer to an offer to a boot of a slave. */
  onHeard?: (attempt: string, answer: string) => void
  /** What a slave answers in place of what it should, if anything. */
  oddAnswer?: (url: string, to: 'offer' | 'revoke') => Says | null
  onEvent?: (event: TaskEvent | RefusedEvent) => void
  keepBlobs?: KeepBlobs
  /** Of every task that has ended or was refused, in the step that decides it. */
  onOver?: (task: Task, problem: Problem | null) => void
}): Promise<MasterProcess> {
  const life: Life = { alive: true, pausedUntil: 0 }
  const clock = given.clock.of(life, given.machine)
  const dispatcher = await createDispatcher({
    ...given,
    settings: { ...given.settings, keepMs: Infinity, keepTasksMax: Infinity },
    slaves: given.slaves ?? [],
    clock,
    attemptIds: simulatedAttemptIds(given.random),
    outputs: createOutputs(new Map()),
    push: (receive) => simulatedChannels(given, life, receive),
    log,
    onEvent: given.onEvent ?? (() => {}),
    onOver: (task, _trace, problem) => given.onOver?.(task, problem),
    onBroken: () => {
      life.alive = false
    },
  })
  const process = { life, dispatcher }
  given.directory.master = process
  if (given.machine) watchClock(clock, log).onStep(dispatcher.clockStepped)
  return process
}

/** An offer as a slave reads it (offerText in master/dispatch/channel.ts writes it). */
export function received({ attempt, task, kind, runLimitMs, input, work }: OutgoingOffer): Offer {
  const carried = work === null ? {} : (JSON.parse(`{${work}}`) as Partial<Offer>)
  return { attempt, task, kind, runLimitMs, input: JSON.parse(input) as unknown, ...carried }
}

/** As attempt-ids.ts, with a signature that only the simulator need believe. */
const simulatedAttemptIds = (random: Random) => (secret: string) => ({
  issuer: sign(secret, '', ''),
  make: (task: string, slave: string) => `${random.integer(2 ** 48)}.${sign(secret, task, slave)}`,
  made: (attempt: string, task: string, slave: string) =>
    attempt.endsWith(`.${sign(secret, task, slave)}`),
})

function sign(secret: string, task: string, slave: string): string {
  let mixed = 0x811c9dc5
  for (const text of [secret, task, slave]) {
    for (let i = 0; i < text.length; i++) mixed = Math.imul(mixed ^ text.charCodeAt(i), 0x01000193)
  }
  return (mixed >>> 0).toString(36)
}

function simulatedChannels(
  given: {
    network: Network
    directory: Directory
    settings: CoreSettings
    onOffer?: (offer: OutgoingOffer, slave: string) => void
    onRevoke?: (slave: string) => void
    onAnswer?: (attempt: string, answer: string) => void
    onHeard?: (attempt: string, answer: string) => void
    oddAnswer?: (url: string, to: 'offer' | 'revoke') => Says | null
  },
  life: Life,
  receive: (input: Input) => void,
): PushChannels {
  const { network, directory, settings } = given

  function ask<Reply>(
    to: string,
    handle: (agent: Agent) => Reply,
    done: (error: PeerError | null, reply?: Reply) => void,
    odd: () => Says | null = () => null,
  ): void {
    if (!life.alive) return
    network.request<Reply>({
      from: 'master',
      to,
      listens: () => directory.slaves.get(to)?.life.alive === true,
      handle: (answer) => {
        const slave = directory.slaves.get(to) as AskedProcess
        network.whenAwake(slave.life, () => respond(odd(), () => copy(handle(slave.agent)), answer))
      },
      timeoutMs: settings.askTimeoutMs,
      done: (error, reply) => network.whenAwake(life, () => done(error, reply)),
    })
  }

  return {
    to: (slave, url) => ({
      expect: () => {},
      offer: (offer) => offer && sendOffer(slave, url, offer),
      revoke: (attempts) => sendRevokes(slave, url, attempts),
    }),
    visit(name, url, token) {
      ask(
        url,
        (agent) => agent.attempts(),
        (error, said) => {
          if (said) receive({ is: 'visited', name, url, said, token })
          else receive({ is: 'not-reached', name, url, reason: error?.message ?? '', token })
        },
      )
    },
    close: async () => {},
  }

  function sendOffer(slave: string, url: string, offer: OutgoingOffer): void {
    const { boot } = offer
    const offers = [received(offer)]
    const attempts = [offer.attempt]
    given.onOffer?.(offer, slave)
    ask<OffersReply>(
      url,
      (agent) => {
        const said = agent.offer({ boot, offers })
        for (const { attempt, answer } of said.answers) given.onAnswer?.(attempt, answer)
        return said
      },
      (error, reply) => {
        for (const { attempt, answer } of reply?.answers ?? []) given.onHeard?.(attempt, answer)
        if (reply) return receive({ is: 'answers', slave, ...reply })
        const failed = error as PeerError
        const { message: reason } = failed
        receive({ is: 'no-answer', slave, attempts, how: howUnanswered(failed), reason })
      },
      () => given.oddAnswer?.(url, 'offer') ?? null,
    )
  }

  function sendRevokes(slave: string, url: string, attempts: string[]): void {
    given.onRevoke?.(slave)
    ask<RevokeReply>(
      url,
      (agent) => ({ state: agent.revoke(attempts) }),
      (_error, reply) => {
        if (reply) receive({ is: 'revoked', slave, attempts, state: reply.state })
        else receive({ is: 'not-revoked', slave, attempts })
      },
      () => given.oddAnswer?.(url, 'revoke') ?? null,
    )
  }
}

/** Answers a request: as it should be, or in another way. */
function respond<Reply>(
  odd: Says | null,
  run: () => Reply,
  answer: (error: PeerError | null, reply?: Reply) => void,
): void {
  switch (odd) {
    case null:
      return answer(null, run())
    case '403':
      return answer(new PeerError('answered 403', true, 403))
    case '500':
      return answer(new PeerError('answered 500', true, 500))
    case '500 though it took it':
      run()
      return answer(new PeerError('answered 500', true, 500))
    case 'something else':
      return answer(new PeerError('the response does not match its schema', true))
    case 'nothing':
  }
}
