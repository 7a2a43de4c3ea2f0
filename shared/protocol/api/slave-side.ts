// The endpoints by which slaves talk to the master. Their messages are in wire.ts; slave/PROTOCOL.md has
// the rules.

import { Type } from 'typebox'
import { contract, SLAVE } from '../contract.ts'
import {
  AnyPoll,
  CallbacksReply,
  CallbacksRequest,
  Heartbeat,
  HeartbeatReply,
  PollReply,
  Registration,
  RegistrationReply,
  SimpleOffer,
  SubmittedDone,
  SubmittedFailed,
} from '../wire.ts'
import { NameParams } from './fields.ts'

export const registerSlave = contract({
  method: 'POST',
  path: '/slaves',
  access: SLAVE,
  summary: 'Register a slave: "ask me at this address", or "you cannot reach me, I poll"',
  tag: 'wire',
  operationId: 'registerSlave',
  checked: { body: Registration },
  replies: { 200: RegistrationReply },
  problems: ['name-taken', 'unreachable-slave'],
})

export const beat = contract({
  method: 'POST',
  path: '/slaves/:name/heartbeat',
  access: SLAVE,
  summary: 'A slave is here, and lists what it has',
  tag: 'wire',
  operationId: 'beat',
  checked: { params: NameParams, body: Heartbeat },
  replies: { 200: HeartbeatReply },
})

export const callBack = contract({
  method: 'POST',
  path: '/callbacks',
  access: SLAVE,
  summary: 'Attempts have ended: repeated until they are acknowledged',
  tag: 'wire',
  operationId: 'callBack',
  checked: { body: CallbacksRequest },
  replies: { 200: CallbacksReply },
})

export const poll = contract({
  method: 'GET',
  path: '/get_task',
  access: SLAVE,
  summary: 'A slave that cannot be reached asks for tasks',
  description:
    'Held up to `wait` seconds; 204 when nothing came. A simple slave, which gives no `boot`, gets ' +
    'one task; one that registered gets a list. Without `kinds` a simple slave gets any task that ' +
    'needs no files; without `slave` the master gives it a name.',
  tag: 'wire',
  operationId: 'poll',
  checked: { querystring: AnyPoll },
  replies: { 200: [SimpleOffer, PollReply], 204: null },
  problems: ['no-such-slave', 'name-taken', 'draining'],
})

export const submitResult = contract({
  method: 'POST',
  path: '/submit_result',
  access: SLAVE,
  summary: 'What became of tasks that were fetched',
  description:
    'Of a task that a simple slave has, `task` and `result` (or `failure`) are enough. Where a ' +
    'kind gives one number, such as `word-count`, that number alone may be the result.',
  tag: 'wire',
  operationId: 'submitResult',
  checked: {},
  content: {
    form: 'json',
    schema: () => Type.Union([SubmittedDone, SubmittedFailed, CallbacksRequest]),
  },
  replies: { 200: CallbacksReply },
  problems: ['no-such-task'],
})
