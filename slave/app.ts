// The slave without its process: everything but settings, signals and exit.

import { randomBytes, randomUUID } from 'node:crypto'
import { chmodSync, mkdirSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { Server as TlsServer } from 'node:tls'
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
import type { CommandExecution } from './commands/commands.ts'
import { createCommands } from './commands/commands.ts'
import { createPool } from './executor/pool.ts'
import type { PoolOptions } from './executor/pool-options.ts'
import { createFileRuns } from './files/file-runs.ts'
import type { RunFiles } from './files/run-files.ts'
import { createRunFiles } from './files/run-files.ts'
import { createLink } from './link/link.ts'
import { openOutboxDisk } from './link/outbox-disk.ts'
import { createMemoryOutbox } from './link/outbox-store.ts'
import { connectToPeers } from './link/peers.ts'
import { availability } from './routes/availability.ts'
import { createSlaveMetrics } from './routes/metrics.ts'
import { offers } from './routes/offers.ts'
import { partitions } from './routes/partitions.ts'
import { admit } from './security/admission.ts'
import { isSecured, openIdentity } from './security/identity.ts'
import type { SlaveSettings } from './settings.ts'

/** Connections beyond this number are refused. */
const SOCKETS_MAX = 4096
/** A request of the master has at most this many levels around an input. */
const OFFER_DEPTH = 8
/**
 * Kinds that work on files keep buffers and native libraries outside the heap: a WebP of 100 million pixels
 * with alpha takes some 38 bytes a pixel while it is assembled.
 */
const FILE_LIMITS = { rssMaxMb: 4096, spares: 0 }
/** Interval between two checks of the data folder. In milliseconds. */
const LOOK_MS = 1_000

type Settings = Readonly<Static<typeof SlaveSettings>>

/** Starts a slave: it listens, then registers with its master, and tries again until it is registered. */
export async function startSlave(settings: Settings) {
  const kinds = await kindsOf(settings)
  await assertFree(settings.host, settings.port)
  const log = await createLog(settings.name, settings.logLevel, settings.logFormat)
  // First of all, because what it removes makes room on the disk.
  const removed = await removeDeadScratch()
  const parts = await openParts(settings, kinds, log)
  const { agent, identity, own } = parts
  const server = await openServer(settings, parts, log)
  await server.listen({ host: settings.host, port: settings.port, backlog: BACKLOG })
  const { port } = server.server.address() as AddressInfo
  own.url ||= originOf(identity ? 'https' : 'http', settings.host, port)
  if (removed.length > 0)
    log.info({ removed }, 'removed scratch folders of processes that have ended')
  agent.start()
  identity?.start()
  const look = setInterval(() => void agent.lookAtFolder(), LOOK_MS)
  let closed: Promise<void> | undefined

  return {
    url: own.url,
    agent,
    /** Finishes what it has, leaves the master, then closes. Waits for `drainMs` at most. */
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
      parts.clockWatch.close()
      closed ??= Promise.all([server.close(), agent.close()]).then(() => parts.folder.close())
      return closed
    },
  }
}

type Parts = Awaited<ReturnType<typeof openParts>>

/** Opens everything behind the routes. Nothing listens yet. */
async function openParts(settings: Settings, loaded: Map<string, Kind>, log: Logger) {
  const { data, pull, requestTimeoutMs: timeoutMs } = settings
  const folder = openFolder(data)
  // First of what is kept in the folder: it locks the folder.
  const store = await (data === undefined ? createMemoryOutbox() : openOutboxDisk(data))
  const identity = isSecured(settings) ? await openIdentity(identityOf(settings, log)) : null
  const material = identity?.material
  const master = identity?.master ?? settings.master
  const connect = material && createConnector({ timeoutMs, material, check: mustBe('master') })
  /** Where masters and peers reach this slave: known at the latest when it listens. */
  const own = { url: settings.advertise ?? '' }
  const url = () => own.url
  if (settings.commandsUser !== undefined) closeToOthers(folder.path)
  const commands =
    settings.commands.length === 0
      ? null
      : createCommands({ settings, root: join(folder.path, 'commands'), log })
  const runFiles = createRunFiles({
    data: folder.path,
    shared: settings.files === undefined ? null : resolve(settings.files),
    master,
    url,
    cacheBytesMax: settings.cacheBytesMax,
    owner: commands?.owner ?? null,
    hidden: commands?.hidden ?? false,
    secure: identity !== null,
    connect: {
      ...(connect ? { master: connect } : {}),
      peer: connectToPeers(settings, material, url),
    },
  })
  const link = createLink(master, { timeoutMs, pull, connect })
  identity?.onRenewed(link.renew)
  const agent = createAgent({
    ...settings,
    boot: randomUUID(),
    version: VERSION,
    url,
    master,
    slots: settings.slots ?? settings.executors,
    kinds: [...loaded.keys(), ...(commands ? ['command'] : [])],
    features: ['files', 'outputs', ...(commands ? ['commands' as const] : [])],
    commands: commands?.commands,
    ...(commands ? { unable: commands.unable } : {}),
    link,
    clock: systemClock,
    random: createRandom(randomBytes(6).readUIntBE(0, 6)),
    store,
    kept: await store.load(),
    partitions: runFiles.partitions,
    delivery: runFiles.delivery,
    cache: runFiles.cache,
    executors: (onEnded, onAble) =>
      createExecutors({ settings, loaded, runFiles, commands, log, onEnded, onAble }),
    log,
  })
  return { folder, identity, own, runFiles, agent, clockWatch: watchClock(systemClock, log) }
}

/** What the agent keeps, and all that it writes from now on, is for its own user. */
function closeToOthers(folder: string): void {
  process.umask(0o077)
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o700)
}

/** A pool for the kinds that work on files, and one for the others. */
function createExecutors(given: {
  settings: Settings
  loaded: Map<string, Kind>
  runFiles: RunFiles
  commands: CommandExecution | null
  log: Logger
  onEnded: PoolOptions['onEnded']
  onAble: NonNullable<PoolOptions['onAble']>
}) {
  const { settings, runFiles, onEnded, onAble } = given
  const names = (ofFiles: boolean): string[] =>
    [...given.loaded.values()]
      .filter(({ files = false }) => files === ofFiles)
      .map(({ name }) => name)
  const fileKinds = names(true)
  const pool = (more: Pick<PoolOptions, 'kinds' | 'onEnded'> & Partial<PoolOptions>) =>
    createPool({
      size: settings.executors,
      heapMb: settings.executorHeapMb,
      resultBytesMax: settings.resultBytesMax,
      onTrouble: (words) => given.log.error(words),
      ...more,
    })
  return createFileRuns({
    fileKinds: new Set(fileKinds),
    plain: (onEnded) => pool({ kinds: names(false), onEnded, onAble }),
    withFiles: (onEnded) =>
      pool({ kinds: fileKinds, onEnded, ...FILE_LIMITS, folders: runFiles.folders }),
    commands: given.commands?.executors ?? null,
    runFiles,
    onEnded,
  })
}

/** The HTTP server with its hooks and all routes. */
async function openServer(settings: Settings, parts: Parts, log: Logger) {
  const { identity, agent, runFiles, clockWatch } = parts
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
  const { server: listener } = server
  if (identity && listener instanceof TlsServer) {
    identity.onRenewed(() => listener.setSecureContext(serverOptions(identity.material())))
  }
  await server.register(offers, { agent })
  const metrics = createSlaveMetrics(agent, clockWatch.steps)
  await server.register(availability, { agent, metrics })
  await server.register(partitions, runFiles)
  return server
}

/** What the slave's identity needs of the settings. */
function identityOf(settings: Settings, log: Logger) {
  const { data, name, join, joinFile, requestTimeoutMs: timeoutMs, host, advertise } = settings
  if (advertise === undefined && /^(0\.0\.0\.0|::)$/.test(host) && !settings.pull) {
    throw new UsageError(
      `--host ${host} is not an address at which the master can reach the slave: set --advertise https://...`,
    )
  }
  if (advertise?.startsWith('http:')) throw new UsageError('--advertise must be an https URL')
  return { data, name, join, joinFile, timeoutMs, clock: systemClock, log }
}

/**
 * The kinds that it offers: the given ones, or all. A slave that peers cannot reach offers none whose files
 * peers fetch. Rejects with UsageError when there is no such kind.
 */
async function kindsOf(given: { kinds: string[]; pull: boolean }): Promise<Map<string, Kind>> {
  const refuse = (why: string): never => {
    throw new UsageError(`--kinds cannot be ${given.kinds.join(',')}: ${why}`)
  }
  const all = await loadKinds(given.kinds).catch((error: Error) => refuse(error.message))
  const program = [...all.values()].find((kind) => kind.program)
  if (program && given.kinds.length > 0) {
    refuse(`${program.name} runs programs, and is offered with --commands`)
  }
  // No executor runs programs.
  const loaded = new Map([...all].filter(([, { program = false }]) => !program))
  if (!given.pull) return loaded
  const unreachable = [...loaded.values()].find(({ peers }) => peers)
  if (unreachable && given.kinds.length > 0) {
    refuse(`peers fetch the output of ${unreachable.name} and cannot reach a slave with --pull`)
  }
  return new Map([...loaded].filter(([, { peers }]) => !peers))
}
