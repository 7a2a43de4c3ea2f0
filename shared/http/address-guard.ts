// Where the master may connect to, and a slave to its peers. A slave names the address at which it is
// asked and the address of its files. A stranger could use such an address to make others connect
// elsewhere: to themselves, to their neighbours on the link, to the metadata service of a cloud.
//
// An address is checked twice: when it is registered, in any notation (the URL parser normalizes all of
// them), and for every connection, after a name is resolved and before a packet is sent. A name cannot
// evade the second check.

import { lookup as resolveName } from 'node:dns'
import { isIP } from 'node:net'
import ip from 'ipaddr.js'
import type { Connector, Lookup } from './tls.ts'
import { hostOf } from './url.ts'

/** Where no slave can be, or where a slave must not send the master. */
const NEVER = [
  '0.0.0.0/8', // this network, unspecified
  '169.254.0.0/16', // link-local, and the metadata services of most clouds
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and the broadcast address
  '192.0.0.0/24', // protocol assignments; a metadata service of one cloud is there
  '100.100.100.200/32', // metadata service
  '168.63.129.16/32', // metadata service
  '64:ff9b::/96', // NAT64, which would reach any IPv4 address
  '64:ff9b:1::/48',
  '2002::/16', // 6to4, the same
  '2001::/32', // Teredo, the same
  '::ffff:0:0:0/96', // IPv4-translated, the same
  '::/96', // IPv4-compatible, the same; but ::1 is loopback
  'fe80::/10', // link-local
  'fec0::/10',
  'ff00::/8', // multicast
  'fd00:ec2::254/128', // metadata services
  'fd20:ce::254/128',
]
const LOOPBACK = ['127.0.0.0/8', '::1/128']

export type AddressGuard = ReturnType<typeof createAddressGuard>

/** An address that is not connected to. */
export class AddressRefusedError extends Error {
  override name = 'AddressRefusedError'
  readonly code = 'ASKFIRST_ADDRESS_REFUSED'
}

/**
 * `only`: networks in CIDR notation; no other address is good. Without any, all addresses are good
 * except those where no slave can be. `loopback`: this process itself listens there, so slaves may be
 * there too. `who` connects, in the words of a refusal.
 */
export function createAddressGuard(given: {
  only: readonly string[]
  loopback: boolean
  who?: string
}) {
  const { who = 'the master connects to (see --slave-addresses)' } = given
  const wordsFor = (host: string): string =>
    `${host ? `is at ${host}, which ` : ''}is not in the networks that ${who}`
  const only = given.only.map(networkOf)

  /** Whether the master may connect to this address. */
  function isGood(address: string): boolean {
    if (isIP(address) === 0) return false
    // An IPv4-mapped IPv6 address becomes that IPv4 address. A zone (%eth0) names a link and does not count.
    const where = ip.subnetMatch(ip.process(address), { only, ...RANGES }, 'elsewhere')
    if (only.length > 0) return where === 'only'
    return where === 'elsewhere' || (where === 'loopback' && given.loopback)
  }

  return {
    isGood,

    /** Why a URL cannot be a slave's, or null. A name is checked when it is connected to. */
    mistakeIn(url: string): string | null {
      if (!URL.canParse(url)) return 'is not a URL'
      const parsed = new URL(url)
      const { protocol, username, password, pathname, search, hash } = parsed
      if (protocol !== 'http:' && protocol !== 'https:') return 'must be an http or https URL'
      if (username || password) return 'must not carry a name or password'
      if (pathname !== '/' || search || hash) return 'must be an origin: no path, query or fragment'
      const host = hostOf(parsed)
      return isIP(host) === 0 || isGood(host) ? null : wordsFor(host)
    },

    /** Resolves a name for a connection as node:dns does, and fails unless all its addresses are good. */
    lookup(...[hostname, options, callback]: Parameters<Lookup>): void {
      resolveName(hostname, { ...options, all: true }, (error, found) => {
        if (error) return callback(error, '', 0)
        const bad = found.find(({ address }) => !isGood(address))
        const [first] = found
        // A name that has one bad address among good ones is refused too: that is no accident.
        if (bad || !first) {
          const words = `${hostname} resolves to ${bad?.address}, which ${wordsFor('')}`
          return callback(new AddressRefusedError(words), '', 0)
        }
        if (options.all) return callback(null, found)
        callback(null, first.address, first.family)
      })
    },

    /** Checks literal addresses for `connect`, which resolves names by `lookup` above. */
    guarded:
      (connect: Connector): Connector =>
      (options, callback) => {
        const host = hostOf(options)
        if (isIP(host) === 0 || isGood(host)) return connect(options, callback)
        callback(new AddressRefusedError(`${host} ${wordsFor('')}`), null)
      },
  }
}

/** A network in CIDR notation, or a single address. */
const networkOf = (network: string): [ip.IPv4 | ip.IPv6, number] =>
  ip.parseCIDR(network.includes('/') ? network : `${network}/${isIP(network) === 6 ? 128 : 32}`)

const RANGES = { loopback: LOOPBACK.map(networkOf), never: NEVER.map(networkOf) }
