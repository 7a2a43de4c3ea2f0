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

export const readAuthority = contract({
  method: 'GET',
  path: '/ca',
  access: OPEN,
  summary: 'Get the certificate of the authority that vouches for the master, as PEM',
  description: 'A master without identities (askfirst init) has none.',
  tag: 'watching',
  operationId: 'readAuthority',
  checked: {},
  replies: { 200: 'application/x-pem-file' },
})

export const readSession = contract({
  method: 'GET',
  path: '/session',
  access: OPEN,
  summary: 'Ask whether one must sign in, and who has',
  tag: 'watching',
  operationId: 'readSession',
  checked: {},
  replies: { 200: Session },
})

export const signIn = contract({
  method: 'POST',
  path: '/session',
  access: OPEN,
  summary: 'Sign in to the page with a key: a cookie stands for it from then on',
  tag: 'watching',
  operationId: 'signIn',
  checked: { body: Type.Object({ key: Type.String({ minLength: 1, maxLength: 128 }) }, STRICT) },
  replies: { 200: Session },
})

export const signOut = contract({
  method: 'DELETE',
  path: '/session',
  access: OPEN,
  summary: 'Sign out',
  tag: 'watching',
  operationId: 'signOut',
  checked: {},
  replies: { 200: Session },
})

export const join = contract({
  method: 'POST',
  path: '/join',
  access: OPEN,
  summary: 'Say as a new slave: "I have a token"; and be given a certificate',
  tag: 'wire',
  operationId: 'join',
  checked: { body: JoinRequest },
  replies: { 200: CertificateReply },
  problems: ['join-refused'],
})

export const renew = contract({
  method: 'POST',
  path: '/renew',
  access: SLAVE,
  summary: 'Say as a slave, by its certificate: "give me another before this one expires"',
  tag: 'wire',
  operationId: 'renew',
  checked: { body: RenewRequest },
  replies: { 200: CertificateReply },
})
