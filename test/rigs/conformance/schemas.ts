// The published schemas of the protocol, slave/schemas/: one JSON Schema file per message. They are
// written from shared/protocol/wire.ts (`npm run schemas`), and what the kit checks messages against.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { TSchema } from 'typebox'
import { createCheck } from '../../../shared/http/validate.ts'
import type { Mistake } from '../../../shared/protocol/asked.ts'
import * as wire from '../../../shared/protocol/wire.ts'

const FOLDER = new URL('../../../slave/schemas/', import.meta.url)

/** Every message of the protocol, and what it is. */
const MESSAGES = {
  Registration: 'Body of POST /slaves, slave to master.',
  RegistrationReply: 'Response to POST /slaves.',
  AttemptsReply: 'Response to GET /attempts, master to slave.',
  OffersRequest: 'Body of POST /offers, master to slave.',
  OffersReply: 'Response to POST /offers.',
  Offer: 'One offer; also the response to a poll of a simple slave.',
  CallbacksRequest: 'Body of POST /callbacks and of POST /submit_result, slave to master.',
  CallbacksReply: 'Response to POST /callbacks and to POST /submit_result.',
  Callback: 'One outcome of a CallbacksRequest.',
  Heartbeat: 'Body of POST /slaves/{name}/heartbeat, slave to master.',
  HeartbeatReply: 'Response to POST /slaves/{name}/heartbeat.',
  RevokeRequest: 'Body of POST /attempts/revoke, master to slave.',
  RevokeReply: 'Response to POST /attempts/revoke.',
  Availability: 'Response to GET /availability, any client to slave.',
  Poll: 'Query of GET /get_task, slave to master.',
  PollReply: 'Response to GET /get_task of a registered slave.',
} as const

export type MessageName = keyof typeof MESSAGES
export const MESSAGE_NAMES = Object.keys(MESSAGES) as MessageName[]

const SCHEMAS: Record<string, unknown> = { ...wire }

/** The schema of a message as plain JSON Schema (2020-12), as it is published. */
export function schemaOf(name: MessageName): object {
  const schema = JSON.parse(JSON.stringify(SCHEMAS[name], withoutWanted)) as object
  const $schema = 'https://json-schema.org/draft/2020-12/schema'
  return { $schema, title: name, description: MESSAGES[name], ...schema }
}

/** `wanted` is a keyword of ours, for error messages. */
const withoutWanted = (key: string, value: unknown): unknown =>
  key === 'wanted' ? undefined : value

/** The text of the published file of a message. */
export const published = (name: MessageName): string =>
  readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')

type Check<T> = { fits(value: unknown): value is T; mistakes(value: unknown): Mistake[] }

/** A check of a message against its published schema. */
export const checkOf = <T>(name: MessageName): Check<T> =>
  createCheck(JSON.parse(published(name)) as TSchema) as unknown as Check<T>

export const textOf = (name: MessageName): string => `${JSON.stringify(schemaOf(name), null, 2)}\n`

if (import.meta.main) {
  mkdirSync(FOLDER, { recursive: true })
  for (const name of MESSAGE_NAMES) writeFileSync(new URL(`${name}.json`, FOLDER), textOf(name))
}
