// The endpoints of a slave. Their messages are in wire.ts; slave/PROTOCOL.md has the rules.

import { Type } from 'typebox'
import { contract, MASTER, OPEN, SLAVE } from './contract.ts'
import {
  AnyId,
  AttemptsReply,
  Availability,
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
  summary: 'Offer tasks: asks whether the slave is available and assigns them if it accepts',
  checked: { body: OffersRequest },
  replies: { 200: OffersReply },
})

export const listAttempts = contract('listAttempts', 'GET', '/attempts', MASTER, {
  tag: 'wire',
  summary: 'Probe: which slave this is and which attempts it holds',
  replies: { 200: AttemptsReply },
})

export const revokeAttempts = contract('revokeAttempts', 'POST', '/attempts/revoke', MASTER, {
  tag: 'wire',
  summary: 'Revoke attempts: drop them, and do not accept them later',
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
    summary:
      'Read a file that a part of a job left on this slave; authorized by the ticket of the job',
    checked: { params: Type.Object({ job: AnyId, task: AnyId, name: AnyId }) },
    replies: { 200: 'application/octet-stream' },
    problems: ['not-found'],
  },
)
