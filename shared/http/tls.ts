// TLS as both sides want it: what one shows of oneself, and who the other side is. Both ends of
// every connection inside the cluster have a certificate of the same authority; who speaks is read
// from it (CN, OU), never from an address.

import type { LookupFunction, Socket } from 'node:net'
import type { PeerCertificate, Server } from 'node:tls'
import { TLSSocket } from 'node:tls'
import { buildConnector } from 'undici'
import type { WallTime } from '../data/clock.ts'
import { wallTime } from '../data/clock.ts'
import { Problem } from '../protocol/problems.ts'
import type { Role } from './certificates.ts'

/** What somebody shows and trusts, as PEM. */
export type Material = { key?: string; cert?: string; ca: string }

/** Who is at the other end of a connection, proved by its certificate. */
export type Peer = { role: Role; name: string; serial: string; validUntil: WallTime }

/** A handshake that takes longer is given up, in milliseconds. */
const HANDSHAKE_MS = 10_000

/** Options of a server: whoever has a certificate shows it, and who has none may have a key. */
export const serverOptions = (material: Material) => ({
  ...material,
  requestCert: true,
  rejectUnauthorized: false,
  minVersion: 'TLSv1.2' as const,
  handshakeTimeout: HANDSHAKE_MS,
})

/** Answers a client that speaks plain HTTP to a port that speaks TLS, in words. */
export function answerPlainHttp(server: Server): void {
  server.on('tlsClientError', (error: Error & { code?: string }, socket) => {
    if (error.code !== 'ERR_SSL_HTTP_REQUEST') return
    // The connection under the failed TLS socket. Node has no public name for it.
    const { _parent: below } = socket as TLSSocket & { _parent?: Socket }
    const problem = new Problem(
      'invalid-request',
      'this port uses TLS: use https:// (--ca gives the authority to trust)',
    )
    const body = JSON.stringify(problem.document())
    const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`
    if (below?.writable) below.end(head + body)
  })
}

/** Who is at the other end: null without a certificate of our authority. */
export function peerOf(socket: Socket): Peer | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null
  return readPeer(socket.getPeerCertificate())
}

function readPeer({ subject, serialNumber, valid_to }: PeerCertificate): Peer | null {
  const { CN, OU } = (subject ?? {}) as { CN?: string; OU?: string }
  if (typeof CN !== 'string' || (OU !== 'master' && OU !== 'slave' && OU !== 'client')) return null
  return { role: OU, name: CN, serial: serialNumber, validUntil: wallTime(Date.parse(valid_to)) }
}

/** A check of who answers, for after the chain was verified: the role, and a name where it matters. */
export function mustBe(role: Role, name?: string, isGood?: (serial: string) => boolean) {
  return (_host: string, certificate: PeerCertificate): Error | undefined => {
    const peer = readPeer(certificate)
    if (peer?.role === role && (name === undefined || peer.name === name)) {
      if (!isGood || isGood(peer.serial)) return undefined
    }
    const who = peer ? `${peer.role} ${peer.name}` : 'a peer outside this cluster'
    return Object.assign(new Error(`${who} answers there, not ${name ?? `a ${role}`}`), {
      code: 'ASKFIRST_OTHER_PEER',
    })
  }
}

export type Connector = ReturnType<typeof buildConnector>

/** What decides where one may connect to: see address-guard.ts. */
export type Lookup = LookupFunction

/**
 * Connects for undici. `material` is read anew for each connection, so that a renewed certificate is
 * shown from then on; no session is taken up again, because that would show the old one.
 */
export function createConnector(given: {
  timeoutMs: number
  material?: (() => Material) | undefined
  check?: ReturnType<typeof mustBe>
  lookup?: Lookup
}): Connector {
  const { timeoutMs, material, check, lookup } = given
  const common = { timeout: timeoutMs, ...(lookup ? { lookup } : {}) }
  if (!material) return buildConnector(common)
  return (options, callback) =>
    buildConnector({
      ...common,
      ...material(),
      maxCachedSessions: 0,
      ...(check ? { checkServerIdentity: check } : {}),
    })(options, callback)
}
