// Slaves, as clients read and manage them. What slaves themselves say is in slave-side.ts.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { ADMIN, contract, READ } from '../contract.ts'
import { Commands, Count, FileCache, Name } from '../wire.ts'
import { words } from '../words.ts'
import { NameParams, orNull, STRICT } from './fields.ts'

/** How a slave is shown. */
export const SLAVE_STATES = [
  'free',
  'busy',
  'draining',
  'unwilling',
  'faulty',
  'elsewhere',
  'suspect',
  'silent',
] as const
const State = words(SLAVE_STATES)

export const Slave = Type.Object({
  name: Name,
  place: Type.Integer({ minimum: 1, description: 'in the order of asking' }),
  /** Null for a slave that polls. */
  url: orNull(Type.String()),
  pull: Type.Boolean(),
  /** Of a slave that polls: whether it neither registers nor sends heartbeats. */
  simple: Type.Optional(Type.Boolean()),
  /** Of a slave that polls: whether a poll is open, and how long ago the last one began. */
  polling: Type.Optional(Type.Boolean()),
  polledMs: Type.Optional(orNull(Type.Number())),
  state: State,
  reason: Type.String(),
  slots: Count,
  free: Count,
  running: Count,
  beingOffered: Count,
  drained: Type.Boolean(),
  kinds: Type.Array(Name),
  /** What it can do besides running its kinds. */
  features: Type.Array(Name),
  /** The programs that it runs, and how surely all their processes end; null: it runs none. */
  commands: orNull(Commands),
  /** How full its cache of files is; null: it has not said. */
  cache: orNull(FileCache),
  tags: Type.Array(Type.String()),
  version: Type.String(),
  /** Since its last message, in milliseconds. */
  heardMs: orNull(Type.Number()),
  /** Moving average of its run times, in milliseconds. */
  serviceMs: orNull(Type.Number()),
  taken: Count,
  ended: Count,
})
export type Slave = Static<typeof Slave>
export type SlaveStateWord = Slave['state']
export const SlaveList = Type.Object({ slaves: Type.Array(Slave) })
export const Message = Type.Object({ message: Type.String() }, STRICT)

export const listSlaves = contract('listSlaves', 'GET', '/slaves', READ, {
  tag: 'slaves',
  summary: 'List the slaves, in the order of asking',
  replies: { 200: SlaveList },
})

export const drainSlave = contract('drainSlave', 'POST', '/slaves/:name/drain', ADMIN, {
  tag: 'slaves',
  summary: 'Stop offers to a slave until it is resumed; it finishes its tasks',
  checked: { params: NameParams },
  replies: { 200: Message },
  problems: ['no-such-slave'],
})

export const resumeSlave = contract('resumeSlave', 'POST', '/slaves/:name/resume', ADMIN, {
  tag: 'slaves',
  summary: 'Send it offers again',
  checked: { params: NameParams },
  replies: { 200: Message },
  problems: ['no-such-slave'],
})

export const forgetSlave = contract(
  'forgetSlave',
  'DELETE',
  '/slaves/:name',
  { key: 'admin', slave: true },
  {
    tag: 'slaves',
    summary: 'Remove a slave that will not come back; other slaves get its tasks',
    description:
      'A slave that deregisters itself gives as `boot` the boot id of its registration; with another one nothing is removed.',
    checked: {
      params: NameParams,
      querystring: Type.Object({ boot: Type.Optional(Type.String({ maxLength: 128 })) }),
    },
    replies: { 200: Message },
    problems: ['no-such-slave', 'slave-alive'],
  },
)
