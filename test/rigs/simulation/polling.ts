// How simulated slaves poll a simulated master: the network's one request that is answered late, and
// whose end the master may or may not see when the slave goes.

import type { Polled } from '../../../master/core/messages.ts'
import type { OutgoingOffer } from '../../../master/dispatch/channel.ts'
import type { Random } from '../../../shared/data/random.ts'
import { PeerError } from '../../../shared/http/peer.ts'
import type { PollReply } from '../../../shared/protocol/wire.ts'
import type { Life, SimulatedClock } from './clock.ts'
import type { Directory, MasterProcess } from './directory.ts'
import { received } from './master-process.ts'
import type { Network } from './network.ts'
import { requestToMaster } from './to-master.ts'

/** A connection that ends is seen by the master in this share of cases, within about so long. */
const SEEN_SHARE = 0.7
const SEEN_MS = 5

/** What the answer to a poll brings, and the name that a slave without one was given. */
type Brought = PollReply & { slave?: string }

export type Polling = ReturnType<typeof createPolling>

export function createPolling(given: {
  clock: SimulatedClock
  network: Network
  directory: Directory
  random: Random
  url: string
  requestTimeoutMs: number
  /** The master answers a poll of this slave with this attempt. */
  onHanded?: (offer: OutgoingOffer, slave: string) => void
}) {
  const { clock, network, random } = given
  /** What the master would be told by the end of each connection. */
  const hangUps = new Set<() => void>()

  return { poll, hangUpAll }

  function poll(
    life: Life,
    said: Polled,
    waitMs: number,
    done: (error: PeerError | null, reply?: Brought) => void,
  ): void {
    const mine: (() => void)[] = []
    requestToMaster<Brought>(
      { ...given, life, timeoutMs: waitMs + given.requestTimeoutMs },
      (master, answer) => {
        const hangUp = arrive(master, said, waitMs, answer)
        mine.push(hangUp)
        hangUps.add(hangUp)
      },
      (error, reply) => {
        for (const hangUp of mine) end(hangUp)
        network.whenAwake(life, () => done(error, reply))
      },
    )
  }

  function arrive(
    master: MasterProcess,
    said: Polled,
    waitMs: number,
    answer: (error: PeerError | null, reply?: Brought) => void,
  ): () => void {
    const slave = (said.simple ? said.slave : said.state.slave) ?? ''
    return master.dispatcher.poll(said, waitMs, (problem, found) => {
      if (!master.life.alive) return
      if (problem) return answer(new PeerError(problem.message, true, problem.status))
      const offers = (found?.offers ?? []).map((offer) => {
        given.onHanded?.(offer, found?.given ?? slave)
        return received(offer)
      })
      const name = found?.given ? { slave: found.given } : {}
      answer(null, { offers, revoke: [...(found?.revoke ?? [])], ...name })
    })
  }

  /** The slave is gone, and with it its connections. */
  function hangUpAll(): void {
    for (const hangUp of hangUps) end(hangUp)
  }

  function end(hangUp: () => void): void {
    if (!hangUps.delete(hangUp) || random.next() > SEEN_SHARE) return
    clock.at(clock.now() + random.exponential(SEEN_MS), hangUp)
  }
}
