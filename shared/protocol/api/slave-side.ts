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

export const registerSlave = contract('registerSlave', 'POST', '/slaves', SLAVE, {
  tag: 'wire',
  summary: 'Register a slave: "ask me at this address", or "you cannot reach me, I poll"',
  checked: { body: Registration },
  replies: { 200: RegistrationReply },
  problems: ['name-taken', 'unreachable-slave'],
})

export const beat = contract('beat', 'POST', '/slaves/:name/heartbeat', SLAVE, {
  tag: 'wire',
  summary: 'A slave is here, and lists what it has',
  checked: { params: NameParams, body: Heartbeat },
  replies: { 200: HeartbeatReply },
})

export const callBack = contract('callBack', 'POST', '/callbacks', SLAVE, {
  tag: 'wire',
  summary: 'Attempts have ended: repeated until they are acknowledged',
  checked: { body: CallbacksRequest },
  replies: { 200: CallbacksReply },
})

export const poll = contract('poll', 'GET', '/get_task', SLAVE, {
  tag: 'wire',
  summary: 'A slave that cannot be reached asks for tasks',
  description:
    'Held up to `wait` seconds; 204 when nothing came. A simple slave, which gives no `boot`, gets ' +
    'one task; one that registered gets a list. Without `kinds` a simple slave gets any task that ' +
    'needs no files; without `slave` the master gives it a name.',
  checked: { querystring: AnyPoll },
  replies: { 200: [SimpleOffer, PollReply], 204: null },
  problems: ['no-such-slave', 'name-taken', 'draining'],
})

export const submitResult = contract('submitResult', 'POST', '/submit_result', SLAVE, {
  tag: 'wire',
  summary: 'What became of tasks that were fetched',
  description:
    'Of a task that a simple slave has, `task` and `result` (or `failure`) are enough. Where a ' +
    'kind gives one number, such as `word-count`, that number alone may be the result.',
  content: {
    form: 'json',
    schema: () => Type.Union([SubmittedDone, SubmittedFailed, CallbacksRequest]),
  },
  replies: { 200: CallbacksReply },
  problems: ['no-such-task'],
})
