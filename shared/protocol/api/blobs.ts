// Blobs: bytes addressed by their SHA-256, and the endpoints.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { contract } from '../contract.ts'
import { Count, Sha256 } from '../wire.ts'
import { STRICT } from './fields.ts'

export const Blob = Type.Object({ sha256: Sha256, bytes: Count, type: Type.String() }, STRICT)
export type Blob = Static<typeof Blob>

export const putBlob = contract(
  'putBlob',
  'PUT',
  '/blobs',
  { key: 'submit', slave: true },
  {
    tag: 'jobs',
    summary: 'Upload a blob; its SHA-256 is its name',
    content: { form: 'bytes' },
    replies: { 201: Blob },
    problems: ['body-too-large', 'quota-exceeded', 'store-full'],
  },
)

export const readBlob = contract(
  'readBlob',
  'GET',
  '/blobs/:sha256',
  { key: 'read', slave: true },
  {
    tag: 'jobs',
    summary: 'Read the bytes of a blob',
    checked: { params: Type.Object({ sha256: Type.String({ maxLength: 128 }) }) },
    replies: { 200: 'application/octet-stream', 206: 'application/octet-stream', 304: null },
    problems: ['no-such-blob', 'range-not-satisfiable'],
  },
)
