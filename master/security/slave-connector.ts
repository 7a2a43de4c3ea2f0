// How the master connects to slaves: only at good addresses (shared/http/address-guard.ts), and with TLS
// only to the slave that it means, which its certificate proves.

import type { AddressGuard } from '../../shared/http/address-guard.ts'
import type { Connector, Material } from '../../shared/http/tls.ts'
import { createConnector, mustBe } from '../../shared/http/tls.ts'

/** `named`: slaves that the settings name, whose addresses an operator chose. */
export function createSlaveConnector(given: {
  guard: AddressGuard
  timeoutMs: number
  named: ReadonlyMap<string, string>
  /** With it, only mutual TLS. */
  material: (() => Material) | null
  /** Whether a certificate of a slave was issued here and not revoked. */
  isGood?: (serial: string) => boolean
}) {
  const { guard, timeoutMs, named, material, isGood } = given

  return {
    /** Why a slave cannot be at this URL, or null. */
    mistakeIn(slave: string, url: string): string | null {
      if (material && !url.startsWith('https://')) return 'must be an https URL'
      return named.get(slave) === url ? null : guard.mistakeIn(url)
    },

    /** Connects to one slave. */
    connectTo(slave: string, url: string): Connector {
      const isNamed = named.get(slave) === url
      const connect = createConnector({
        timeoutMs,
        ...(isNamed ? {} : { lookup: guard.lookup }),
        ...(material ? { material, check: mustBe('slave', slave, isGood) } : {}),
      })
      return isNamed ? connect : guard.guarded(connect)
    },
  }
}
