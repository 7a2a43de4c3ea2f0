// The slave's side of the wire to its master. A seam: the agent asks for things to be said and
// hears once how it went; the simulator has its own.

import { createPeer, PeerError } from '../shared/client.ts'
import { createCheck } from '../shared/validate.ts'
import type {
  CallbacksReply,
  CallbacksRequest,
  Heartbeat,
  HeartbeatReply,
  Registration,
  RegistrationReply,
} from '../shared/wire.ts'
import {
  CallbacksReply as CallbacksReplySchema,
  HeartbeatReply as HeartbeatReplySchema,
  RegistrationReply as RegistrationReplySchema,
} from '../shared/wire.ts'

/** Called once: with an error, or with null and the reply. */
export type Done<Reply> = (error: PeerError | null, reply?: Reply) => void

export type Link = {
  register(registration: Registration, done: Done<RegistrationReply>): void
  beat(heartbeat: Heartbeat, done: Done<HeartbeatReply>): void
  callBack(request: CallbacksRequest, done: Done<CallbacksReply>): void
  leave(slave: string, boot: string, done: Done<unknown>): void
  close(): Promise<void>
}

/** The link over HTTP to the master at `url`. A request is given up after `timeoutMs`. */
export function createLink(url: string, { timeoutMs }: { timeoutMs: number }): Link {
  const peer = createPeer(url, { connections: 6, timeoutMs })
  const fits = {
    registered: createCheck(RegistrationReplySchema).fits,
    beaten: createCheck(HeartbeatReplySchema).fits,
    acknowledged: createCheck(CallbacksReplySchema).fits,
    any: (_value: unknown): _value is unknown => true,
  }

  function ask<Reply>(
    method: string,
    path: string,
    body: unknown,
    fits: (value: unknown) => value is Reply,
    done: Done<Reply>,
  ): void {
    const text = body === undefined ? undefined : JSON.stringify(body)
    peer.request(method, path, text).then(
      (reply) => {
        if (fits(reply)) done(null, reply)
        else done(new PeerError('the master answered with something else', true))
      },
      (error: PeerError) => done(error),
    )
  }

  return {
    register: (registration, done) => ask('POST', '/slaves', registration, fits.registered, done),
    beat: (heartbeat, done) => {
      const path = `/slaves/${encodeURIComponent(heartbeat.state.slave)}/heartbeat`
      ask('POST', path, heartbeat, fits.beaten, done)
    },
    callBack: (request, done) => ask('POST', '/callbacks', request, fits.acknowledged, done),
    leave: (slave, boot, done) => {
      const query = `boot=${encodeURIComponent(boot)}`
      ask('DELETE', `/slaves/${encodeURIComponent(slave)}?${query}`, undefined, fits.any, done)
    },
    close: peer.close,
  }
}
