// Certificates of this cluster: keys, requests, and what our own authority signs. The subject says
// who somebody is: CN is the name, OU the role. Nobody but the authority of a data folder can make
// such a subject, so a role is what the chain proves, whatever address it speaks from.
//
// The library is loaded when the first certificate is made: a master on loopback needs none.

import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { WallTime } from '../data/clock.ts'
import { later, msOf, systemClock } from '../data/clock.ts'

/** Who may be named by a certificate. A `client` has a key as well, and that key's scopes. */
export type Role = 'master' | 'slave' | 'client'

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' }
const AUTHORITY_YEARS = 20
const YEAR_MS = 31_557_600_000
/** Clocks of VMs differ: a certificate is good from a little before it was made. */
export const SKEW_MS = 300_000

const dateOf = (time: WallTime): Date => new Date(msOf(time))

async function library() {
  await import('reflect-metadata')
  return import('@peculiar/x509')
}

/** A new private key (P-256), as PKCS #8 PEM. */
export function createKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
}

/** SHA-256 of a certificate, in hexadecimal: what a join line pins. */
export const pinOf = (certificate: string): string =>
  createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex')

/** A request for a certificate in `name`, signed with the key: PKCS #10 PEM. */
export async function createRequest(key: string, name: string): Promise<string> {
  const { Pkcs10CertificateRequestGenerator } = await library()
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${name}`,
    keys: await keyPairOf(key),
    signingAlgorithm: SIGNING,
  })
  return request.toString('pem')
}

/** A new authority: its key and its certificate, which may sign and do nothing else. */
export async function createAuthority(): Promise<{ key: string; certificate: string }> {
  const { X509CertificateGenerator, BasicConstraintsExtension, KeyUsagesExtension, KeyUsageFlags } =
    await library()
  const key = createKey()
  const now = systemClock.wall()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=askfirst, O=askfirst',
    keys: await keyPairOf(key),
    signingAlgorithm: SIGNING,
    notBefore: dateOf(later(now, -SKEW_MS)),
    notAfter: dateOf(later(now, AUTHORITY_YEARS * YEAR_MS)),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  })
  return { key, certificate: certificate.toString('pem') }
}

/** The public key of a request whose signature is right; null for anything else. DER, as base64. */
export async function publicKeyOf(request: string): Promise<string | null> {
  const { Pkcs10CertificateRequest } = await library()
  try {
    const read = new Pkcs10CertificateRequest(request)
    const { name, namedCurve } = read.publicKey.algorithm as EcKeyAlgorithm
    if (name !== CURVE.name || namedCurve !== CURVE.namedCurve || !(await read.verify()))
      return null
    return Buffer.from(read.publicKey.rawData).toString('base64')
  } catch {
    return null
  }
}

type EcKeyAlgorithm = { name: string; namedCurve?: string }

/**
 * Signs a certificate for a public key (DER, base64). Nothing of a request is taken over but its
 * key: role, name and addresses are the authority's to say.
 */
export async function issue(
  authority: { key: string; certificate: string },
  about: { publicKey: string; role: Role; name: string; addresses: string[]; lifeMs: number },
): Promise<{ certificate: string; serial: string; expiresAt: WallTime }> {
  const x509 = await library()
  const now = systemClock.wall()
  const expiresAt = later(now, about.lifeMs)
  const names = about.addresses.map((value) => ({
    type: isIP(value) ? ('ip' as const) : ('dns' as const),
    value,
  }))
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${about.name}, OU=${about.role}, O=askfirst`,
    issuer: new x509.X509Certificate(authority.certificate).subject,
    publicKey: Buffer.from(about.publicKey, 'base64'),
    signingKey: (await keyPairOf(authority.key)).privateKey,
    signingAlgorithm: SIGNING,
    notBefore: dateOf(later(now, -SKEW_MS)),
    notAfter: dateOf(expiresAt),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  })
  const pem = certificate.toString('pem')
  return { certificate: pem, serial: new X509Certificate(pem).serialNumber, expiresAt }
}

/** The public half of a key. DER, as base64. */
export function publicHalf(key: string): string {
  const { x, y } = createPrivateKey(key).export({ format: 'jwk' })
  // SubjectPublicKeyInfo of a P-256 key: a fixed head, then 0x04, x and y (RFC 5480).
  const head = '3059301306072a8648ce3d020106082a8648ce3d03010703420004'
  const point = [x, y].map((part) => Buffer.from(part as string, 'base64url'))
  return Buffer.concat([Buffer.from(head, 'hex'), ...point]).toString('base64')
}

async function keyPairOf(key: string) {
  const { subtle } = globalThis.crypto
  const der = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' })
  const privateKey = await subtle.importKey('pkcs8', Uint8Array.from(der), CURVE, true, ['sign'])
  const half = Uint8Array.from(Buffer.from(publicHalf(key), 'base64'))
  return { privateKey, publicKey: await subtle.importKey('spki', half, CURVE, true, ['verify']) }
}
