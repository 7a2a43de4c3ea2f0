// The endpoints of a slave. Their messages are in wire.ts; slave/PROTOCOL.md has the rules.

import { Type } from 'typebox'
import { contract, MASTER, OPEN, SLAVE } from './contract.ts'
import {
  AttemptsReply,
  Availability,
  Id,
  OffersReply,
  OffersRequest,
  RevokeReply,
  RevokeRequest,
} from './wire.ts'

export const readAvailability = contract('readAvailability', 'GET', '/availability', OPEN, {
  tag: 'wire',
  summary: 'Ask whether the slave is available; changes nothing',
  replies: { 200: Availability },
})

export const offerTasks = contract('offerTasks', 'POST', '/offers', MASTER, {
  tag: 'wire',
  summary: 'Ask "are you available for these tasks?", and hand them over',
  checked: { body: OffersRequest },
  replies: { 200: OffersReply },
})

export const listAttempts = contract('listAttempts', 'GET', '/attempts', MASTER, {
  tag: 'wire',
  summary: 'Ask who the slave is and what it holds',
  replies: { 200: AttemptsReply },
})

export const revokeAttempts = contract('revokeAttempts', 'POST', '/attempts/revoke', MASTER, {
  tag: 'wire',
  summary: 'Drop these attempts, and never take them',
  checked: { body: RevokeRequest },
  replies: { 200: RevokeReply },
})

export const readPartition = contract(
  'readPartition',
  'GET',
  '/partitions/:job/:task/:name',
  SLAVE,
  {
    tag: 'wire',
    summary: "Fetch a file that a part of a job left here; the job's ticket lets in",
    checked: { params: Type.Object({ job: Id, task: Id, name: Id }) },
    replies: { 200: 'application/octet-stream' },
    problems: ['not-found'],
  },
)
