// Where the master may connect to, and a slave to its peers. A slave says at what address it is to be
// asked, and where its files are, so an address is what a stranger could use to make others call
// elsewhere: to themselves, to their neighbours on the link, to the metadata service of a cloud.
//
// An address is looked at twice, and the second time cannot be led astray: when it is registered,
// in whatever notation it was written (the URL parser makes one of all of them), and for every
// connection, where a name has been resolved and before a packet goes to what it resolved to.

import { lookup as resolveName } from 'node:dns'
import { BlockList, isIP, isIPv6 } from 'node:net'
import type { Connector, Lookup } from './tls.ts'

/** Nowhere a slave could be, or nowhere that a slave may send the master. */
const NEVER = [
  '0.0.0.0/8', // this network, unspecified
  '169.254.0.0/16', // link-local, and the metadata services of most clouds
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and the broadcast address
  '192.0.0.0/24', // protocol assignments; a metadata service of one cloud is there
  '100.100.100.200/32', // metadata service
  '168.63.129.16/32', // metadata service
  '::/128',
  '64:ff9b::/96', // NAT64, which would reach any IPv4 address
  '64:ff9b:1::/48',
  '2002::/16', // 6to4, the same
  '2001::/32', // Teredo, the same
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
 * `only`: networks in CIDR notation, and nothing but those; without any, all but what no slave can
 * be at. `loopback`: this process itself listens there, so slaves may be there too. `who` connects,
 * in the words of a refusal.
 */
export function createAddressGuard(given: {
  only: readonly string[]
  loopback: boolean
  who?: string
}) {
  const { who = 'the master connects to (see --slave-addresses)' } = given
  const wordsFor = (host: string): string =>
    `${host ? `is at ${host}, which ` : ''}is not where ${who}`
  const allowed = given.only.length > 0 ? blockList(given.only) : null
  const refused = blockList(given.loopback ? NEVER : [...NEVER, ...LOOPBACK])

  /** Whether the master may connect to this address. */
  function isGood(address: string): boolean {
    const plain = plainOf(address)
    const family = isIP(plain)
    if (family === 0) return false
    const type = family === 6 ? 'ipv6' : 'ipv4'
    return allowed ? allowed.check(plain, type) : !refused.check(plain, type)
  }

  return {
    isGood,

    /** Why a URL cannot be a slave's, or null. A name is looked at when it is connected to. */
    mistakeIn(url: string): string | null {
      if (!URL.canParse(url)) return 'is not a URL'
      const { protocol, hostname, username, password, pathname, search, hash } = new URL(url)
      if (protocol !== 'http:' && protocol !== 'https:') return 'must be an http or https URL'
      if (username || password) return 'must not carry a name or password'
      if (pathname !== '/' || search || hash) return 'must be an origin: no path, query or fragment'
      const host = hostname.replace(/^\[|\]$/g, '')
      return isIP(host) === 0 || isGood(host) ? null : wordsFor(host)
    },

    /** For connections: as node:dns does it, and only what is good comes out. */
    lookup(...[hostname, options, callback]: Parameters<Lookup>): void {
      resolveName(hostname, { ...options, all: true }, (error, found) => {
        if (error) return callback(error, '', 0)
        const bad = found.find(({ address }) => !isGood(address))
        const [first] = found
        // One bad address among good ones is no accident either.
        if (bad || !first) {
          const words = `${hostname} resolves to ${bad?.address}, which ${wordsFor('')}`
          return callback(new AddressRefusedError(words), '', 0)
        }
        if (options.all) return callback(null, found)
        callback(null, first.address, first.family)
      })
    },

    /** For connections by `connect`, which looks names up by `lookup`: literal addresses are not looked up. */
    guarded:
      (connect: Connector): Connector =>
      (options, callback) => {
        const host = options.hostname.replace(/^\[|\]$/g, '')
        if (isIP(host) === 0 || isGood(host)) return connect(options, callback)
        callback(new AddressRefusedError(`${host} ${wordsFor('')}`), null)
      },
  }
}

/** An IPv4 address in IPv6 clothes is that IPv4 address; a zone says only which link. */
function plainOf(address: string): string {
  const [bare = ''] = address.split('%')
  if (!isIPv6(bare)) return bare
  const { hostname } = new URL(`http://[${bare}]`)
  const short = hostname.slice(1, -1)
  const [, high, low] = /^::(?:ffff:(?:0:)?)?([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short) ?? []
  if (high === undefined || low === undefined) return short
  const bytes = [high, low].flatMap((group) => {
    const number = Number.parseInt(group, 16)
    return [number >> 8, number & 0xff]
  })
  return bytes.join('.')
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const six = isIPv6(address)
    list.addSubnet(address, Number(bits ?? (six ? 128 : 32)), six ? 'ipv6' : 'ipv4')
  }
  return list
}
