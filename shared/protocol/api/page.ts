// The page, and the documentation page of a library: their endpoints. They are the same for every
// caller.

import { Type } from 'typebox'
import { contract, OPEN } from '../contract.ts'

export const readPage = contract('readPage', 'GET', '/', OPEN, {
  tag: 'hidden',
  summary: 'Open the dashboard',
  replies: { 200: 'text/html', 304: null },
})

export const readPageFile = contract('readPageFile', 'GET', '/page/*', OPEN, {
  tag: 'hidden',
  summary: 'Read a file of the dashboard',
  // Not an object with the key `*`: typebox makes a regular expression of each key as it stands.
  checked: { params: Type.Record(Type.String(), Type.String()) },
  replies: { 200: '*/*', 304: null },
})

/** All routes of @fastify/swagger-ui, which registers them itself, and the document. */
export const readDocs = contract('readDocs', 'GET', '/docs', OPEN, {
  tag: 'hidden',
  summary: 'Read the documentation',
  replies: { 200: '*/*', 304: null },
})
