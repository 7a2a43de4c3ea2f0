// The requests of a slave to its master. A seam: the simulator has its own.

import { encode } from '../../shared/data/raw-json.ts'
import { createPeer, PeerError } from '../../shared/http/peer.ts'
import type { Connector } from '../../shared/http/tls.ts'
import { createCheck } from '../../shared/http/validate.ts'
import type {
  CallbacksReply,
  CallbacksRequest,
  Heartbeat,
  HeartbeatReply,
  PollReply,
  Registration,
  RegistrationReply,
  SlaveState,
} from '../../shared/protocol/wire.ts'
import {
  CallbacksReply as CallbacksReplySchema,
  HeartbeatReply as HeartbeatReplySchema,
  PollReply as PollReplySchema,
  RegistrationReply as RegistrationReplySchema,
} from '../../shared/protocol/wire.ts'
import { callbacksText, offersAsWritten } from './raw-inputs.ts'

/** Called once: with an error, or with null and the reply. */
export type Done<Reply> = (error: PeerError | null, reply?: Reply) => void

/** A callback may take this much longer for each byte, in milliseconds: 64 KB/s are enough. */
const MS_PER_BYTE = 1 / 64
/** The result of a poll whose response has no content. */
const NOTHING: PollReply = { offers: [], revoke: [] }

/** The response to a poll, with inputs as they were written. */
function readPolled(text: string): unknown {
  const said = JSON.parse(text) as PollReply
  return Array.isArray(said?.offers) ? offersAsWritten(said, Buffer.from(text)) : said
}

export type Link = {
  register(registration: Registration, done: Done<RegistrationReply>): void
  beat(heartbeat: Heartbeat, done: Done<HeartbeatReply>): void
  callBack(request: CallbacksRequest, done: Done<CallbacksReply>): void
  /** Polls: the master answers within `waitMs`. */
  poll(state: SlaveState, waitMs: number, done: Done<PollReply>): void
  leave(slave: string, boot: string, done: Done<unknown>): void
  close(): Promise<void>
}

/** The link over HTTP to the master at `url`. `timeoutMs` is the deadline of a whole exchange. */
export function createLink(
  url: string,
  {
    timeoutMs,
    pull = false,
    connect,
  }: { timeoutMs: number; pull?: boolean; connect?: Connector | undefined },
): Link & { renew: () => void } {
  const peer = createPeer(url, { connections: pull ? 7 : 6, timeoutMs, connect })
  const callbacksPath = pull ? '/submit_result' : '/callbacks'
  const fits = {
    registered: createCheck(RegistrationReplySchema).fits,
    beaten: createCheck(HeartbeatReplySchema).fits,
    acknowledged: createCheck(CallbacksReplySchema).fits,
    polled: createCheck(PollReplySchema).fits,
    any: (_value: unknown): _value is unknown => true,
  }

  function ask<Reply>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    text: string | undefined,
    fits: (value: unknown) => value is Reply,
    done: Done<Reply>,
    moreMs: (bytes: number) => number = () => 0,
    decode?: (text: string) => unknown,
  ): void {
    const limits = { timeoutMs: timeoutMs + moreMs(text?.length ?? 0) }
    peer.request(method, path, text, limits, decode).then(
      (given) => {
        const reply = given ?? NOTHING
        if (fits(reply)) done(null, reply)
        else done(new PeerError('the response of the master does not match its schema', true))
      },
      (error: PeerError) => done(error),
    )
  }

  return {
    register: (registration, done) =>
      ask('POST', '/slaves', encode(registration), fits.registered, done),
    beat: (heartbeat, done) => {
      const path = `/slaves/${encodeURIComponent(heartbeat.state.slave)}/heartbeat`
      ask('POST', path, encode(heartbeat), fits.beaten, done)
    },
    callBack: (request, done) => {
      const moreMs = (bytes: number): number => bytes * MS_PER_BYTE
      ask('POST', callbacksPath, callbacksText(request), fits.acknowledged, done, moreMs)
    },
    poll({ slots: _slots, cache: _cache, ...state }, waitMs, done) {
      const fields = Object.entries({ ...state, wait: waitMs / 1000 })
      const query = new URLSearchParams(fields.map(([name, value]) => [name, String(value)]))
      ask('GET', `/get_task?${query}`, undefined, fits.polled, done, () => waitMs, readPolled)
    },
    leave: (slave, boot, done) => {
      const query = `boot=${encodeURIComponent(boot)}`
      ask('DELETE', `/slaves/${encodeURIComponent(slave)}?${query}`, undefined, fits.any, done)
    },
    /** Opens new connections from now on, with the certificate of that time. */
    renew: peer.renew,
    close: peer.close,
  }
}
