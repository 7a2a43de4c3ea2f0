// How offers reach a slave. Pure.
//
//   http         the master sends requests to its address
//   poll         it registers, sends heartbeats and polls: offers are the replies to its polls
//   simple-poll  it only polls
//
// The master knows a poll by an id, and keeps it while the slave polls: from one poll to the next, until
// the shell says that none followed.

import type { Monotonic } from '../../shared/data/clock.ts'
import { LONG_AGO } from '../../shared/data/clock.ts'

/** A poll that the shell holds open, or whose slave is expected to poll again. */
export type PollId = string

/** As a slave registers and is stored. */
export type Address = HttpAddress | { by: 'poll' } | { by: 'simple-poll' }
type HttpAddress = { readonly by: 'http'; readonly url: string }

/** The address, and of a slave that polls what is known of its polls. */
export type Reach = HttpAddress | PollReach | SimplePollReach

type Polls = {
  poll: PollId | null
  /** When the newest poll arrived. */
  polledAt: Monotonic
}
export type PollReach = Polls & {
  by: 'poll'
  /** The number of the newest poll. */
  polled: number
  /** Attempts in the reply to a poll that is not over for the slave, as far as it said: the poll's number. */
  handed: Map<string, number>
}
export type SimplePollReach = Polls & {
  by: 'simple-poll'
  /** It polled without a name, and the master gave it this one (anonymous-slaves.ts). */
  isNameGiven: boolean
}

/** A slave. */
type Reached = { readonly reach: Reach }

/** Where one offer or revocation goes. */
export type Route = HttpAddress | { by: 'poll'; poll: PollId }

export function reachAt(address: Address): Reach {
  switch (address.by) {
    case 'http':
      return address
    case 'poll':
      return { by: 'poll', poll: null, polledAt: LONG_AGO, polled: -1, handed: new Map() }
    case 'simple-poll':
      return simplePollReach()
  }
}

export const simplePollReach = (isNameGiven = false): SimplePollReach => ({
  by: 'simple-poll',
  poll: null,
  polledAt: LONG_AGO,
  isNameGiven,
})

/** The address without what is known of its polls. */
export const addressOf = ({ reach }: Reached): Address =>
  reach.by === 'http' ? reach : { by: reach.by }

export const isAt = ({ reach }: Reached, address: Address): boolean =>
  reach.by === 'http' ? address.by === 'http' && reach.url === address.url : reach.by === address.by

/** Whether the slave can be offered a task now, if it has a free slot. */
export const isReachable = ({ reach }: Reached): boolean =>
  reach.by === 'http' || reach.poll !== null

/** How an offer or a revocation reaches the slave now; null while it does not poll. */
export function routeTo({ reach }: Reached): Route | null {
  if (reach.by === 'http') return reach
  return reach.poll === null ? null : { by: 'poll', poll: reach.poll }
}
