// The documentation of routes/slaves.ts and routes/pulling.ts.

import { Type } from 'typebox'
import { Message, SlaveList } from '../../../shared/protocol/client-wire.ts'
import {
  CallbacksReply,
  CallbacksRequest,
  HeartbeatReply,
  PollReply,
  RegistrationReply,
  SimpleOffer,
  SubmittedDone,
  SubmittedFailed,
} from '../../../shared/protocol/wire.ts'
import type { Operations } from './operation.ts'

export const slaveDocs: Operations = {
  'GET /slaves': {
    summary: 'List the slaves, in the order of asking',
    tag: 'slaves',
    operationId: 'listSlaves',
    gives: { 200: SlaveList },
  },
  'POST /slaves/:name/drain': {
    summary: 'Offer a slave no work until it is resumed; what it has it finishes',
    tag: 'slaves',
    operationId: 'drainSlave',
    gives: { 200: Message },
    problems: ['no-such-slave'],
  },
  'POST /slaves/:name/resume': {
    summary: 'Offer it work again',
    tag: 'slaves',
    operationId: 'resumeSlave',
    gives: { 200: Message },
    problems: ['no-such-slave'],
  },
  'DELETE /slaves/:name': {
    summary: 'Forget a slave that will not come back; what it had is given to others',
    description: 'With `boot` it is the slave itself that leaves.',
    tag: 'slaves',
    operationId: 'forgetSlave',
    gives: { 200: Message },
    problems: ['no-such-slave', 'slave-alive'],
  },
  'POST /slaves': {
    summary: 'Register a slave: "ask me at this address", or "you cannot reach me, I poll"',
    tag: 'wire',
    operationId: 'registerSlave',
    gives: { 200: RegistrationReply },
    problems: ['name-taken', 'unreachable-slave'],
  },
  'POST /slaves/:name/heartbeat': {
    summary: 'A slave is here, and lists what it has',
    tag: 'wire',
    operationId: 'beat',
    gives: { 200: HeartbeatReply },
  },
  'POST /callbacks': {
    summary: 'Attempts have ended: repeated until they are acknowledged',
    tag: 'wire',
    operationId: 'callBack',
    gives: { 200: CallbacksReply },
  },
  'GET /get_task': {
    summary: 'A slave that cannot be reached asks for tasks',
    description:
      'Held up to `wait` seconds; 204 when nothing came. A simple slave, which gives no `boot`, gets ' +
      'one task; one that registered gets a list. Without `kinds` a simple slave gets any task that ' +
      'needs no files; without `slave` the master gives it a name.',
    tag: 'wire',
    operationId: 'poll',
    gives: { 200: [SimpleOffer, PollReply], 204: null },
    problems: ['no-such-slave', 'name-taken', 'draining'],
  },
  'POST /submit_result': {
    summary: 'What became of tasks that were fetched',
    description:
      'Of a task that a simple slave has, `task` and `result` (or `failure`) are enough. Where a ' +
      'kind gives one number, such as `word-count`, that number alone may be the result.',
    tag: 'wire',
    operationId: 'submitResult',
    takes: Type.Union([SubmittedDone, SubmittedFailed, CallbacksRequest]),
    gives: { 200: CallbacksReply },
    problems: ['no-such-task'],
  },
}
