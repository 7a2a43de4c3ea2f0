// How a slave connects to its peers, from which it fetches files. Other slaves chose their addresses, so it
// connects only to where a slave can be, whatever a name resolves to, and to itself.

import { createAddressGuard } from '../../shared/http/address-guard.ts'
import type { Connector, Material } from '../../shared/http/tls.ts'
import { createConnector, mustBe } from '../../shared/http/tls.ts'
import { hostOf } from '../../shared/http/url.ts'
import { isLoopback } from '../../shared/process/process.ts'

/** `own` is this slave's URL, once it listens. With `material`: by TLS, and to slaves only. */
export function connectToPeers(
  given: { host: string; advertise?: string | undefined; requestTimeoutMs: number },
  material: (() => Material) | undefined,
  own: () => string,
): Connector {
  const { host, advertise = '', requestTimeoutMs: timeoutMs } = given
  const proof = material ? { material, check: mustBe('slave') } : {}
  const known = URL.canParse(advertise) ? hostOf(new URL(advertise)) : host
  const loopback = isLoopback(host) || isLoopback(known)
  const guard = createAddressGuard({ only: [], loopback, who: 'a slave fetches files from' })
  const toItself = createConnector({ timeoutMs, ...proof })
  const toOthers = guard.guarded(createConnector({ timeoutMs, ...proof, lookup: guard.lookup }))
  return (options, callback) => {
    const isItself = new URL(own()).origin === `${options.protocol}//${options.host}`
    return (isItself ? toItself : toOthers)(options, callback)
  }
}
