// How a new slave gets its certificate, and renews it.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { Name } from './wire.ts'

/** A certificate request: PKCS #10 as PEM. The master uses only its key. */
const CertificateRequest = Type.String({ maxLength: 8192 })

/** `POST /join` (new slave to master): exchanges a token for a certificate. */
export const JoinRequest = Type.Object({
  token: Type.String({ maxLength: 128 }),
  name: Name,
  request: CertificateRequest,
})
export type JoinRequest = Static<typeof JoinRequest>

/** `POST /renew` (slave to master, with its certificate): gets another before it expires. */
export const RenewRequest = Type.Object({ request: CertificateRequest })
export type RenewRequest = Static<typeof RenewRequest>

/** The reply to both: the certificate as PEM, and its lifetime. */
export const CertificateReply = Type.Object({
  certificate: Type.String({ maxLength: 16_384 }),
  expiresAt: Type.Number(),
  lifeMs: Type.Number({ minimum: 1 }),
})
export type CertificateReply = Static<typeof CertificateReply>
