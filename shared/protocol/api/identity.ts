// How slaves join and people sign in to the page: the endpoints.

import { Type } from 'typebox'
import { contract, OPEN, SLAVE } from '../contract.ts'
import { CertificateReply, JoinRequest, RenewRequest } from '../wire.ts'
import { STRICT } from './fields.ts'

const Session = Type.Object({
  signedIn: Type.Boolean(),
  needed: Type.Optional(Type.Boolean()),
  client: Type.Optional(Type.String()),
  scopes: Type.Optional(Type.Array(Type.String())),
})

export const readAuthority = contract('readAuthority', 'GET', '/ca', OPEN, {
  tag: 'watching',
  summary: 'Get the certificate of the authority that vouches for the master, as PEM',
  description: 'A master without identities (askfirst init) has none.',
  replies: { 200: 'application/x-pem-file' },
})

export const readSession = contract('readSession', 'GET', '/session', OPEN, {
  tag: 'watching',
  summary: 'Ask whether one must sign in, and who has',
  replies: { 200: Session },
})

export const signIn = contract('signIn', 'POST', '/session', OPEN, {
  tag: 'watching',
  summary: 'Sign in to the page with a key: a cookie stands for it from then on',
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
  summary: 'Say as a new slave: "I have a token"; and be given a certificate',
  checked: { body: JoinRequest },
  replies: { 200: CertificateReply },
  problems: ['join-refused'],
})

export const renew = contract('renew', 'POST', '/renew', SLAVE, {
  tag: 'wire',
  summary: 'Say as a slave, by its certificate: "give me another before this one expires"',
  checked: { body: RenewRequest },
  replies: { 200: CertificateReply },
})
