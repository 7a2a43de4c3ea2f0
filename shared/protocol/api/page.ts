// The page, and the documentation page of a library: their endpoints. They are the same for everybody.

import { Type } from 'typebox'
import { contract, OPEN } from '../contract.ts'

export const readPage = contract({
  method: 'GET',
  path: '/',
  access: OPEN,
  summary: 'Open the page',
  tag: 'hidden',
  operationId: 'readPage',
  checked: {},
  replies: { 200: 'text/html', 304: null },
})

export const readPageFile = contract({
  ...readPage,
  path: '/page/*',
  summary: 'Read a file of the page',
  operationId: 'readPageFile',
  checked: { params: Type.Object({ '*': Type.String() }) },
  replies: { 200: '*/*', 304: null },
})

/** All routes of @fastify/swagger-ui, which registers them itself, and the document. */
export const readDocs = contract({
  ...readPage,
  path: '/docs',
  summary: 'Read the documentation',
  operationId: 'readDocs',
  anyQuery: true,
  replies: { 200: '*/*', 304: null },
})
