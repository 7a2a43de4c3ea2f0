// The documentation of routes/identity.ts.

import { Type } from 'typebox'
import { CertificateReply } from '../../../shared/protocol/wire.ts'
import type { Operations } from './operation.ts'

const Session = Type.Object({
  signedIn: Type.Boolean(),
  needed: Type.Optional(Type.Boolean()),
  client: Type.Optional(Type.String()),
  scopes: Type.Optional(Type.Array(Type.String())),
})

export const identityDocs: Operations = {
  'GET /ca': {
    summary: 'Get the certificate of the authority that vouches for the master, as PEM',
    description: 'A master without identities (askfirst init) has none.',
    tag: 'watching',
    operationId: 'readAuthority',
    gives: { 200: 'application/x-pem-file' },
  },
  'GET /session': {
    summary: 'Ask whether one must sign in, and who has',
    tag: 'watching',
    operationId: 'readSession',
    gives: { 200: Session },
  },
  'POST /session': {
    summary: 'Sign in to the page with a key: a cookie stands for it from then on',
    tag: 'watching',
    operationId: 'signIn',
    takes: Type.Object({ key: Type.String() }),
    gives: { 200: Session },
  },
  'DELETE /session': {
    summary: 'Sign out',
    tag: 'watching',
    operationId: 'signOut',
    gives: { 200: Session },
  },
  'POST /join': {
    summary: 'Say as a new slave: "I have a token"; and be given a certificate',
    tag: 'wire',
    operationId: 'join',
    gives: { 200: CertificateReply },
    problems: ['join-refused'],
  },
  'POST /renew': {
    summary: 'Say as a slave, by its certificate: "give me another before this one expires"',
    tag: 'wire',
    operationId: 'renew',
    gives: { 200: CertificateReply },
  },
}
