// The slave without its process: everything but settings, signals and exit. Its routes are listed
// here.

import { randomBytes, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import type { Server as TlsServer } from 'node:tls'
import type { Static } from 'typebox'
import { systemClock } from '../shared/data/clock.ts'
import { createRandom } from '../shared/data/random.ts'
import { isPrivateName, keepPagesOut } from '../shared/http/browser-guard.ts'
import { assertFree, BACKLOG, createServer, JSON_DEPTH_MAX } from '../shared/http/server.ts'
import { createConnector, mustBe, serverOptions } from '../shared/http/tls.ts'
import { originOf } from '../shared/http/url.ts'
import type { Kind } from '../shared/kinds/kind.ts'
import { loadKinds } from '../shared/kinds/load-kinds.ts'
import { watchClock } from '../shared/process/clock-watch.ts'
import type { Logger } from '../shared/process/log.ts'
import { createLog } from '../shared/process/log.ts'
import { UsageError } from '../shared/process/process.ts'
import { openFolder, removeDeadScratch } from '../shared/process/scratch-folders.ts'
import { VERSION } from '../shared/process/version.ts'
import { createAgent } from './agent/agent.ts'
import { createPool } from './executor/pool.ts'
import type { PoolOptions } from './executor/pool-options.ts'
import { createWorkshop } from './files/file-runs.ts'
import { createWorkroom } from './files/run-files.ts'
import { createLink } from './link/link.ts'
import { openOutboxDisk } from './link/outbox-disk.ts'
import { createMemoryOutbox } from './link/outbox-store.ts'
import { connectToPeers } from './link/peers.ts'
import { availability } from './routes/availability.ts'
import { createSlaveMetrics } from './routes/metrics.ts'
import { offers } from './routes/offers.ts'
import { partitions } from './routes/partitions.ts'
import { admit } from './security/admission.ts'
import type { Identity } from './security/identity.ts'
import { isSecured, openIdentity } from './security/identity.ts'
import type { SlaveSettings } from './settings.ts'

/** Whoever holds more connections open than this, nobody answers. */
const SOCKETS_MAX = 4096
/** So many levels at most stand around an input in a request of the master. */
const OFFER_DEPTH = 8
/**
 * Kinds that work on files keep buffers and what libraries of their own need outside the heap: a WebP of
 * 100 million pixels with alpha takes some 38 bytes a pixel as it is put together.
 */
const FILE_LIMITS = { rssMaxMb: 4096, spares: 0 }

/** How often it looks whether its data folder is still there. In milliseconds. */
const LOOK_MS = 1_000

/** Starts a slave: it listens, then registers with its master, again and again until it may. */
export async function startSlave(settings: Readonly<Static<typeof SlaveSettings>>) {
  const loaded = await kindsOf(settings)
  await assertFree(settings.host, settings.port)
  const log = await createLog(settings.name, settings.logLevel, settings.logFormat)
  // First, for the room. What does not start says nothing but why.
  const removed = await removeDeadScratch()
  const folder = openFolder(settings.data)
  // First of all that is kept in the folder: whoever has it has the folder for itself.
  const store = await (settings.data === undefined
    ? createMemoryOutbox()
    : openOutboxDisk(settings.data))
  const identity = isSecured(settings) ? await openIdentity(identityOf(settings, log)) : null
  const secure = identity && securityOf(identity, settings.requestTimeoutMs)
  const master = secure?.master ?? settings.master
  const kinds = [...loaded.keys()]
  const fileKinds = [...loaded.values()].filter(({ files }) => files).map(({ name }) => name)
  const server = createServer({
    log,
    bodyBytesMax: settings.bodyBytesMax,
    secure: identity?.material(),
    socketsMax: SOCKETS_MAX,
    // An offer holds the whole input of a task, a few levels deeper than the client sent it.
    depthMax: JSON_DEPTH_MAX + OFFER_DEPTH,
  })
  if (identity) admit(server)
  else {
    const { advertise } = settings
    const known = advertise === undefined ? '' : new URL(advertise).hostname
    keepPagesOut(server, (name) => isPrivateName(name) || name === known)
  }
  let url = settings.advertise ?? ''
  const workroom = createWorkroom({
    root: join(folder.path, 'work'),
    shared: settings.files === undefined ? null : resolve(settings.files),
    master,
    url: () => url,
    secure: secure !== null,
    connect: {
      ...(secure ? { master: secure.connect.master } : {}),
      peer: connectToPeers(settings, identity?.material, () => url),
    },
  })
  const { folders } = workroom
  const pool = (more: Pick<PoolOptions, 'kinds' | 'onEnded'> & Partial<PoolOptions>) =>
    createPool({
      size: settings.executors,
      heapMb: settings.executorHeapMb,
      resultBytesMax: settings.resultBytesMax,
      onTrouble: (words) => log.error(words),
      ...more,
    })
  const link = createLink(master, {
    timeoutMs: settings.requestTimeoutMs,
    pull: settings.pull,
    connect: secure?.connect.master,
  })
  const agent = createAgent({
    name: settings.name,
    boot: randomUUID(),
    version: VERSION,
    url: () => url,
    master,
    pull: settings.pull,
    slots: settings.slots ?? settings.executors,
    kinds,
    tags: settings.tags,
    outboxMax: settings.outboxMax,
    link,
    clock: systemClock,
    random: createRandom(randomBytes(6).readUIntBE(0, 6)),
    store,
    kept: await store.load(),
    workroom,
    executors: (onEnded, onAble) =>
      createWorkshop({
        fileKinds: new Set(fileKinds),
        plain: pool({ kinds: kinds.filter((name) => !fileKinds.includes(name)), onEnded, onAble }),
        withFiles: (onEnded) => pool({ kinds: fileKinds, onEnded, ...FILE_LIMITS, folders }),
        workroom,
        onEnded,
      }),
    log,
  })
  identity?.onRenewed(() => {
    ;(server.server as unknown as TlsServer).setSecureContext(serverOptions(identity.material()))
    link.renew()
  })
  const clockWatch = watchClock(systemClock, log)
  await server.register(offers, { agent })
  await server.register(availability, {
    agent,
    metrics: createSlaveMetrics(agent, clockWatch.steps),
  })
  await server.register(partitions, { workroom })
  await server.listen({ host: settings.host, port: settings.port, backlog: BACKLOG })
  const { port } = server.server.address() as AddressInfo
  url ||= originOf(identity ? 'https' : 'http', settings.host, port)
  if (removed.length > 0) log.info({ removed }, 'removed scratch folders of processes that ended')
  agent.start()
  identity?.start()
  const look = setInterval(() => void agent.lookAtFolder(), LOOK_MS)
  let closed: Promise<void> | undefined

  return {
    url,
    agent,
    /** Finishes what it has, says goodbye, then closes; gives up the wait after `drainMs`. */
    async stop(reason: string): Promise<void> {
      let timer: NodeJS.Timeout | undefined
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, settings.drainMs)
      })
      await Promise.race([agent.drain(reason), patience])
      clearTimeout(timer)
      await agent.leave()
      await this.close()
    },
    /** Closes at once. Idempotent. */
    close(): Promise<void> {
      identity?.close()
      clearInterval(look)
      clockWatch.close()
      closed ??= Promise.all([server.close(), agent.close()]).then(() => {
        folder.close()
      })
      return closed
    },
  }
}

/** What the slave's identity needs of the settings. */
function identityOf(settings: Readonly<Static<typeof SlaveSettings>>, log: Logger) {
  const { data, name, join, joinFile, requestTimeoutMs: timeoutMs, host, advertise } = settings
  if (advertise === undefined && /^(0\.0\.0\.0|::)$/.test(host) && !settings.pull) {
    throw new UsageError(
      `--host ${host} is no address to be reached at: say --advertise https://...`,
    )
  }
  if (advertise?.startsWith('http:')) throw new UsageError('--advertise must be an https URL')
  return { data, name, join, joinFile, timeoutMs, clock: systemClock, log }
}

/** How a slave with an identity connects to its master. */
function securityOf(identity: Identity, timeoutMs: number) {
  const { material, master } = identity
  return {
    master,
    connect: { master: createConnector({ timeoutMs, material, check: mustBe('master') }) },
  }
}

/**
 * The kinds that it offers: those that are asked for, or all; without what peers would fetch when none
 * can reach it. Throws UsageError when there is no such kind.
 */
async function kindsOf(given: { kinds: string[]; pull: boolean }): Promise<Map<string, Kind>> {
  const refuse = (why: string): never => {
    throw new UsageError(`--kinds cannot be ${given.kinds.join(',')}: ${why}`)
  }
  const loaded = await loadKinds(given.kinds).catch((error: Error) => refuse(error.message))
  if (!given.pull) return loaded
  const unreachable = [...loaded.values()].find(({ peers }) => peers)
  if (unreachable && given.kinds.length > 0) {
    refuse(`peers fetch what ${unreachable.name} gives, and cannot reach a slave with --pull`)
  }
  return new Map([...loaded].filter(([, { peers }]) => !peers))
}
