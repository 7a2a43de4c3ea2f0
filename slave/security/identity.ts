// The slave's identity: its key and certificate, in its data folder, and their renewal. The key is made here
// and never leaves.
//
//   join line --(the authority has the pin of the line)--> token + request --> certificate
//   certificate --(after a third of its life)--> renewed

import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import type { Clock, WallTime } from '../../shared/data/clock.ts'
import { later, wallTime } from '../../shared/data/clock.ts'
import { createKey, createRequest, pinOf } from '../../shared/http/certificates.ts'
import { paced } from '../../shared/http/exchange-deadline.ts'
import type { PeerError } from '../../shared/http/peer.ts'
import { createPeer } from '../../shared/http/peer.ts'
import type { Material } from '../../shared/http/tls.ts'
import { createConnector, mustBe } from '../../shared/http/tls.ts'
import { createCheck } from '../../shared/http/validate.ts'
import type { Logger } from '../../shared/process/log.ts'
import { UsageError } from '../../shared/process/process.ts'
import type { JoinLine } from '../../shared/protocol/join-line.ts'
import { parseJoinLine } from '../../shared/protocol/join-line.ts'
import { CertificateReply } from '../../shared/protocol/joining.ts'

/** What is kept beside the PEM texts. */
type Facts = { master: string; name: string; token: string; expiresAt: WallTime; lifeMs: number }

/** Limit of an authority's certificate in bytes. */
const CA_BYTES_MAX = 16_384
const RETRY_MS = 1_000
const RETRY_MS_MAX = 30_000
/** Interval between two checks of the certificate's age. In milliseconds. */
const LOOK_MS = 30_000

/** The right master refuses the slave. */
class RefusedError extends UsageError {}

export type Identity = Awaited<ReturnType<typeof openIdentity>>

/** Whether a slave with these settings speaks TLS. */
export const isSecured = (given: { data?: string; join?: string; joinFile?: string }): boolean =>
  Boolean(given.join ?? given.joinFile) ||
  (given.data !== undefined && existsSync(join(given.data, 'identity', 'identity.json')))

/** The identity in the folder; with a join line that was not used before, a new one. */
export async function openIdentity(given: {
  data: string | undefined
  name: string
  join: string | undefined
  joinFile: string | undefined
  timeoutMs: number
  clock: Clock
  log: Logger
}) {
  const { data, name, timeoutMs, clock, log } = given
  if (data === undefined)
    throw new UsageError('--data DIR is required to join: it stores the identity')
  const folder = join(data, 'identity')
  let facts = readFacts(folder)
  const line = readLine({ ...given, isJoined: facts !== null })
  if (line && facts?.token !== markOf(line.token)) facts = await joinOrStay(line)
  if (!facts) throw new UsageError('this slave has no identity yet: start it with a join line')
  if (facts.name !== name) {
    throw new UsageError(`${folder} is the identity of ${facts.name}, not of ${name}: see --name`)
  }
  if (facts.expiresAt <= clock.wall()) {
    const how = `create a join line for it: askfirst token create --name ${name}`
    throw new UsageError(`the certificate in ${folder} has expired: ${how}`)
  }
  let material = readMaterial(folder)
  let callOff = (): void => {}
  /** When the certificate was renewed last, or opened. */
  let since = clock.now()
  let closed = false
  const renewed: (() => void)[] = []

  return {
    master: facts.master,
    material: (): Material => material,
    /** Calls back when there is a new certificate. */
    onRenewed: (run: () => void): void => void renewed.push(run),
    /** Starts the renewal. */
    start: (): void => plan(),
    close(): void {
      closed = true
      callOff()
    },
  }

  /** Checks often, because the wall clock may jump, and never in a busy loop. */
  function plan(): void {
    const restMs = Math.min(LOOK_MS, (facts as Facts).lifeMs / 20)
    if (!closed) callOff = clock.at(later(clock.now(), restMs), look)
  }

  function look(): void {
    if (!isDue()) return plan()
    renew().then(plan, (error: Error) => {
      log.warn({ reason: error.message }, 'cannot renew the certificate yet')
      plan()
    })
  }

  /** Whether a third of its life has passed, by the wall clock or, if that was set back, by its use. */
  function isDue(): boolean {
    const { expiresAt, lifeMs } = facts as Facts
    const isOld = clock.wall() >= later(expiresAt, (-lifeMs * 2) / 3)
    return isOld || clock.now() - since >= lifeMs / 3
  }

  async function renew(): Promise<void> {
    const { master } = facts as Facts
    const key = createKey()
    const connect = createConnector({
      timeoutMs,
      material: () => material,
      check: mustBe('master'),
    })
    const answer = await askFor(
      master,
      '/renew',
      { request: await createRequest(key, name) },
      connect,
    )
    facts = write(
      folder,
      { ...(facts as Facts), ...answer, expiresAt: wallTime(answer.expiresAt) },
      key,
      answer.certificate,
      material.ca,
    )
    material = readMaterial(folder)
    since = clock.now()
    log.info({ until: new Date(answer.expiresAt).toISOString() }, 'the certificate was renewed')
    for (const run of renewed) run()
  }

  /** A join line for many slaves may have been replaced since: a slave that has joined keeps its identity. */
  async function joinOrStay(line: JoinLine): Promise<Facts> {
    try {
      return await joinWith(line)
    } catch (error) {
      const isGood =
        facts?.master === line.master &&
        facts.expiresAt > clock.wall() &&
        isPinned(readMaterial(folder).ca, line.pin)
      if (!facts || !isGood || !(error instanceof RefusedError)) throw error
      log.warn({ reason: error.message }, 'cannot join again; the slave keeps its identity')
      return facts
    }
  }

  async function joinWith(line: JoinLine): Promise<Facts> {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    chmodSync(folder, 0o700)
    // Written before it is used: the master repeats its response to a request with the same key.
    const path = join(folder, `joining-${markOf(line.token)}.pem`)
    const key = existsSync(path) ? readFileSync(path, 'utf8') : createKey()
    writeFileSync(path, key, { mode: 0o600 })
    const ca = await patiently(() => fetchAuthority(line))
    const body = { token: line.token, name, request: await createRequest(key, name) }
    const connect = createConnector({
      timeoutMs,
      material: () => ({ ca }),
      check: mustBe('master'),
    })
    const answer = await patiently(() => askFor(line.master, '/join', body, connect))
    const { lifeMs } = answer
    const expiresAt = wallTime(answer.expiresAt)
    const joined = { master: line.master, name, token: markOf(line.token), expiresAt, lifeMs }
    log.info({ master: line.master }, 'joined')
    const kept = write(folder, joined, key, answer.certificate, ca)
    rmSync(path)
    return kept
  }

  /** Sends no secret: the other side may not have the pinned certificate. */
  async function fetchAuthority({ master, pin }: JoinLine): Promise<string> {
    const agent = new Agent({ connect: { rejectUnauthorized: false, timeout: timeoutMs } })
    try {
      const url = new URL('/ca', master)
      const { body, statusCode } = await request(url, {
        dispatcher: agent.compose(paced({ timeoutMs, bytesMax: CA_BYTES_MAX })),
      })
      const ca = await body.text()
      if (statusCode === 200 && isPinned(ca, pin)) return ca
    } finally {
      await agent.destroy()
    }
    throw new UsageError(
      `the server at ${master} is not the master that created this join line; no data was sent to it`,
    )
  }

  async function askFor(
    master: string,
    path: string,
    body: object,
    connect: ReturnType<typeof createConnector>,
  ): Promise<CertificateReply> {
    const peer = createPeer(master, { connections: 1, timeoutMs, connect })
    try {
      const answer = await peer.request('POST', path, JSON.stringify(body))
      return createCheck(CertificateReply).checked(answer)
    } finally {
      await peer.close()
    }
  }

  /** Repeats what failed, as the master may start later than its slaves; a refusal is final. */
  async function patiently<T>(run: () => Promise<T>): Promise<T> {
    for (let pause = RETRY_MS; ; pause = Math.min(RETRY_MS_MAX, pause * 2)) {
      try {
        return await run()
      } catch (error) {
        const { status, message } = error as Partial<PeerError>
        if (error instanceof UsageError) throw error
        if (typeof status === 'number' && status < 500 && status !== 429) {
          throw new RefusedError(`the master ${message}`)
        }
        log.warn({ reason: message }, 'not joined yet')
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
  }
}

/** Null when none is given, or when its file is gone or empty after the slave has joined. */
function readLine(given: {
  join: string | undefined
  joinFile: string | undefined
  isJoined: boolean
}) {
  const { join: said, joinFile, isJoined } = given
  if (said === undefined && joinFile === undefined) return null
  let text = said
  try {
    text ??= readFileSync(joinFile as string, 'utf8')
  } catch (error) {
    if (isJoined) return null
    throw new UsageError(`the join line cannot be read: ${(error as Error).message}`)
  }
  if (isJoined && text.trim() === '') return null
  const line = parseJoinLine(text)
  if (line) return line
  throw new UsageError(
    'the join line must be the line that askfirst token create prints: afj_...@https://HOST:PORT#sha256:...',
  )
}

/** Identifies a token without revealing it. */
const markOf = (token: string): string =>
  createHash('sha256').update(token).digest('hex').slice(0, 16)

function isPinned(ca: string, pin: string): boolean {
  try {
    return pinOf(ca) === pin
  } catch {
    return false
  }
}

function readFacts(folder: string): Facts | null {
  const path = join(folder, 'identity.json')
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Facts) : null
}

/** Replaces one file with everything, so that key and certificate always belong together. */
function write(folder: string, facts: Facts, key: string, cert: string, ca: string): Facts {
  const { master, name, token, expiresAt, lifeMs } = facts
  const kept = { master, name, token, expiresAt, lifeMs }
  const path = join(folder, 'identity.json')
  writeFileSync(`${path}.new`, JSON.stringify({ ...kept, key, cert, ca }, null, 1), { mode: 0o600 })
  renameSync(`${path}.new`, path)
  return kept
}

function readMaterial(folder: string): Material {
  const text = readFileSync(join(folder, 'identity.json'), 'utf8')
  const { key, cert, ca } = JSON.parse(text) as Required<Material>
  return { key, cert, ca }
}
