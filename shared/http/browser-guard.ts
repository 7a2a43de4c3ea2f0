// Where nobody is asked who they are, whoever reaches the port is let in; and a browser on this
// machine, or in this network, reaches it for the pages of everybody. This keeps those out.
//
// - Host: a page whose own name was rebound to our address still says that name (DNS rebinding).
// - Origin, Sec-Fetch-Site: what a page of another site makes a browser ask says so. A browser sends
//   the second only to where it trusts the way, such as loopback (https://www.w3.org/TR/fetch-metadata/).

import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { Problem } from '../protocol/problems.ts'

/** Last labels of names that nobody can register (RFC 6761, RFC 8375, ICANN's name collisions). */
const PRIVATE = ['localhost', 'local', 'lan', 'internal', 'home', 'corp', 'arpa', 'localdomain']
/** What is behind these has an effect although a GET should have none. */
const COSTLY = ['/get_task']

/** Refuses what pages of other sites ask. `isOurs`: whether a host's name, without port, is ours. */
export function keepPagesOut(server: FastifyInstance, isOurs: (name: string) => boolean): void {
  // A browser always says a Host; a health check by HTTP/1.0 need not.
  let good = ''
  server.addHook('onRequest', ({ headers, routeOptions }, _reply, done) => {
    const { host = '', origin } = headers
    if (host !== '' && host !== good) {
      if (!isOurs(nameOf(host))) return done(strangeHost(host))
      good = host
    }
    if (origin !== undefined && origin !== `http://${host}`) return done(otherSite(origin))
    const isCostly = COSTLY.includes(routeOptions.url ?? '')
    if (isFromElsewhere(headers, isCostly)) return done(otherSite('another site'))
    done()
  })
}

function isFromElsewhere(headers: IncomingHttpHeaders, isCostly: boolean): boolean {
  const site = headers['sec-fetch-site']
  if (site === 'cross-site' || site === 'same-site') {
    // Somebody who follows a link to our page: the other site does not see what comes.
    return isCostly || headers['sec-fetch-mode'] !== 'navigate'
  }
  // An image of another site's page says no Origin; only its browser gives it away.
  return isCostly && site === undefined && isBrowser(headers['user-agent'] ?? '')
}

/** PowerShell calls itself one too. */
const isBrowser = (agent: string): boolean =>
  agent.startsWith('Mozilla/') && !agent.includes('PowerShell/')

/** The name or address in a Host header; empty when it is none. */
function nameOf(host: string): string {
  const [, inBrackets, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(host) ?? []
  return (inBrackets ?? plain ?? '').toLowerCase()
}

/** A name of this machine alone. */
export const isLocalName = (name: string): boolean =>
  name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'))

/** An address, or a name that no other site can have: such as `master`, or `vm-1.lan`. */
export function isPrivateName(name: string): boolean {
  if (isIP(name) !== 0) return true
  const labels = name.split('.')
  return name !== '' && (labels.length === 1 || PRIVATE.includes(labels.at(-1) as string))
}

export const otherSite = (origin: string): Problem =>
  new Problem('forbidden', `a page of ${origin.slice(0, 200)} is not allowed to send this request`)

const strangeHost = (host: string): Problem =>
  new Problem(
    'forbidden',
    `${host.slice(0, 200)} may be the name of another host: without keys, use an address or a name without dots, or allow the name (--own-names of a master, --advertise of a slave)`,
  )
