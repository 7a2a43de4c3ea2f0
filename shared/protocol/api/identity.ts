// How slaves join and people sign in to the page: the endpoints.

import { Type } from 'typebox'
import { contract, OPEN, SLAVE } from '../contract.ts'
import { CertificateReply, JoinRequest, RenewRequest } from '../joining.ts'
import { STRICT } from './fields.ts'

const Session = Type.Object({
  signedIn: Type.Boolean(),
  needed: Type.Optional(Type.Boolean()),
  client: Type.Optional(Type.String()),
  scopes: Type.Optional(Type.Array(Type.String())),
})

export const readAuthority = contract('readAuthority', 'GET', '/ca', OPEN, {
  tag: 'watching',
  summary: 'Read the certificate of the authority that signs the certificate of the master, as PEM',
  description: 'A master without identities (askfirst init) has none.',
  replies: { 200: 'application/x-pem-file' },
})

export const readSession = contract('readSession', 'GET', '/session', OPEN, {
  tag: 'watching',
  summary: 'Read whether signing in is required, and who is signed in',
  replies: { 200: Session },
})

export const signIn = contract('signIn', 'POST', '/session', OPEN, {
  tag: 'watching',
  summary: 'Sign in to the page with a key; returns a session cookie',
  checked: { body: Type.Object({ key: Type.String({ minLength: 1, maxLength: 128 }) }, STRICT) },
  replies: { 200: Session },
})

export const signOut = contract('signOut', 'DELETE', '/session', OPEN, {
  tag: 'watching',
  summary: 'Sign out',
  replies: { 200: Session },
})

export const join = contract('join', 'POST', '/join', OPEN, {
  tag: 'wire',
  summary: 'Join as a new slave with a token; returns a certificate',
  checked: { body: JoinRequest },
  replies: { 200: CertificateReply },
  problems: ['join-refused'],
})

export const renew = contract('renew', 'POST', '/renew', SLAVE, {
  tag: 'wire',
  summary: 'Renew the certificate of a slave before it expires',
  checked: { body: RenewRequest },
  replies: { 200: CertificateReply },
})
