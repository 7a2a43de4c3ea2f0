// Requests of simulated slaves to the master: whichever process is the master when they arrive.

import { PeerError } from '../../../shared/http/peer.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import type { Life } from './clock.ts'
import type { Directory, MasterProcess } from './directory.ts'
import type { Network, Request } from './network.ts'
import { copy } from './network.ts'

/** Who asks, and how. */
type Asker = {
  network: Network
  directory: Directory
  url: string
  life: Life
  timeoutMs: number
}
type Done<Reply> = Request<Reply>['done']

/** `handle` gets the master once it is awake, and answers or does not. */
export function requestToMaster<Reply>(
  { network, directory, url, life, timeoutMs }: Asker,
  handle: (master: MasterProcess, answer: Done<Reply>) => void,
  done: Done<Reply>,
): void {
  if (!life.alive) return
  network.request<Reply>({
    from: url,
    to: 'master',
    listens: () => directory.master?.life.alive === true,
    handle: (answer) => {
      const master = directory.master as MasterProcess
      network.whenAwake(master.life, () => handle(master, answer))
    },
    timeoutMs,
    done,
  })
}

/** The same of what the master answers by a promise. Whoever asks hears once it is awake. */
export function askMaster<Reply>(
  asker: Asker,
  handle: (master: MasterProcess['dispatcher']) => Promise<Reply>,
  done: Done<Reply>,
): void {
  requestToMaster<Reply>(
    asker,
    (master, answer) => {
      handle(master.dispatcher).then(
        (reply) => master.life.alive && answer(null, copy(reply)),
        (error: Error) => answer(new PeerError(error.message, true, statusOf(error))),
      )
    },
    (error, reply) => asker.network.whenAwake(asker.life, () => done(error, reply)),
  )
}

const statusOf = (error: Error): number | null => (error instanceof Problem ? error.status : null)
