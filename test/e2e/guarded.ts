// A master with identities in this process, and callers of every sort, for tests of who may do what.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { makeIdentities, openAuthority } from '../../master/security/identities/folder.ts'
import { createKey, publicHalf } from '../../shared/http/certificates.ts'
import type { Scope } from '../../shared/protocol/contract.ts'
import { formatJoinLine } from '../../shared/protocol/join-line.ts'
import type { Teardown } from '../folder.ts'
import { folderOf } from '../folder.ts'
import type { Over } from '../quiet-master.ts'
import { startQuietMaster } from '../quiet-master.ts'
import type { Json } from '../requests.ts'

export type Reply = { status: number; headers: Record<string, unknown>; body: Json; text: string }
export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Reply>

export async function startGuarded(t: Teardown, over: Over = {}) {
  const data = join(folderOf(t), 'master')
  mkdirSync(data, { recursive: true })
  await makeIdentities(data)
  // A second view of the file, as the command line has it.
  const authority = await openAuthority(data)
  t.teardown(() => authority.close())
  const { identities } = authority
  // Whoever waits until a new key is known is refused until then, as often as it asks.
  const master = await startQuietMaster(t, { data, refusalsPerMinuteMax: 100_000, ...over })
  const agents: Agent[] = []
  t.teardown(() => Promise.all(agents.map((agent) => agent.destroy())))

  /** Asks over a connection of its own, with what it is given to show. */
  function asking(
    shown: { key?: string; cert?: string },
    headers: Record<string, string> = {},
  ): Ask {
    const agent = new Agent({ connect: { ca: authority.ca, ...shown, maxCachedSessions: 0 } })
    agents.push(agent)
    return async (method, path, body, more = {}) => {
      const text =
        body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
      const type = text === null ? {} : { 'content-type': 'application/json' }
      const reply = await request(`${master.url}${path}`, {
        method: method as 'GET',
        headers: { ...type, ...headers, ...more },
        body: text,
        dispatcher: agent,
      })
      const streams = /event-stream/.test(String(reply.headers['content-type']))
      if (streams) reply.body.on('error', () => {}).destroy()
      const said = streams ? '' : await reply.body.text()
      const isJson = /json/.test(String(reply.headers['content-type']))
      return {
        status: reply.statusCode,
        headers: reply.headers,
        body: isJson && said ? JSON.parse(said) : null,
        text: said,
      }
    }
  }

  const byKey = (secret: string): Ask => asking({}, { authorization: `Bearer ${secret}` })

  async function certified(role: 'slave' | 'client' | 'master', name: string, lifeMs = 3_600_000) {
    const key = createKey()
    const issued = await authority.issue(publicHalf(key), role, name, lifeMs)
    const { serial, expiresAt } = issued
    if (role === 'slave') await identities.noteCertificate({ serial, slave: name, expiresAt }, null)
    return asking({ key, cert: issued.certificate })
  }

  return {
    master,
    authority,
    identities,
    asking,
    byKey,
    certified,
    /** A new key, and who asks with it. */
    async keyOf(scopes: Scope[], more: { client?: string; ttlMs?: number } = {}) {
      const { id, secret } = await identities.createKey({ scopes, ...more })
      return { id, secret, ask: byKey(secret) }
    },
    nobody: asking({}),
  }
}

/** Identities in a data folder, with an admin's key and what slaves join with. */
export async function createIdentities(data: string) {
  await makeIdentities(data)
  const authority = await openAuthority(data)
  const { secret: key } = await authority.identities.createKey({ scopes: ['admin'] })
  const { secret: token } = await authority.identities.createToken({
    slave: null,
    uses: 1,
    ttlMs: 600_000,
  })
  const { ca, pin } = authority
  await authority.close()
  return { key, ca, joinLine: (master: string) => formatJoinLine({ token, master, pin }) }
}
