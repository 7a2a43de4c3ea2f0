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
  summary: 'Register a slave, with the address for offers or as a polling slave',
  checked: { body: Registration },
  replies: { 200: RegistrationReply },
  problems: ['name-taken', 'unreachable-slave'],
})

export const beat = contract('beat', 'POST', '/slaves/:name/heartbeat', SLAVE, {
  tag: 'wire',
  summary: 'Heartbeat of a slave, with the attempts that it holds',
  checked: { params: NameParams, body: Heartbeat },
  replies: { 200: HeartbeatReply },
})

export const callBack = contract('callBack', 'POST', '/callbacks', SLAVE, {
  tag: 'wire',
  summary: 'Deliver outcomes of attempts; repeated until they are acknowledged',
  checked: { body: CallbacksRequest },
  replies: { 200: CallbacksReply },
})

export const poll = contract('poll', 'GET', '/get_task', SLAVE, {
  tag: 'wire',
  summary: 'Poll for tasks, as a slave that the master cannot reach',
  description:
    'The master holds the request for up to `wait` seconds and answers 204 when there is no task. A simple slave, which gives no `boot`, gets ' +
    'one task; a registered slave gets a list. Without `kinds` a simple slave gets any task that ' +
    'needs no files; without `slave` the master gives it a name.',
  checked: { querystring: AnyPoll },
  replies: { 200: [SimpleOffer, PollReply], 204: null },
  problems: ['no-such-slave', 'name-taken', 'draining'],
})

export const submitResult = contract('submitResult', 'POST', '/submit_result', SLAVE, {
  tag: 'wire',
  summary: 'Deliver outcomes of fetched tasks',
  description:
    'For a task of a simple slave `task` and `result` (or `failure`) are sufficient. If the ' +
    'result of the kind is one number, as for `word-count`, the number alone may be the result.',
  content: {
    form: 'json',
    schema: () => Type.Union([SubmittedDone, SubmittedFailed, CallbacksRequest]),
  },
  replies: { 200: CallbacksReply },
  problems: ['no-such-task'],
})
