// The master without its process: everything but settings, signals and exit. Opens the parts, connects
// them, and lists the routes.

import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Static } from 'typebox'
import { systemClock as clock, msBetween, msOf } from '../shared/data/clock.ts'
import { createIds } from '../shared/data/ids.ts'
import { createRandom } from '../shared/data/random.ts'
import type { Server } from '../shared/http/server.ts'
import { assertFree, BACKLOG, createServer } from '../shared/http/server.ts'
import { originOf } from '../shared/http/url.ts'
import { loadKinds } from '../shared/kinds/load-kinds.ts'
import { watchClock } from '../shared/process/clock-watch.ts'
import type { Logger } from '../shared/process/log.ts'
import { createLog } from '../shared/process/log.ts'
import { openFolder, removeDeadScratch } from '../shared/process/scratch-folders.ts'
import { createAttemptIds } from './dispatch/attempt-ids.ts'
import { createDispatcher } from './dispatch/dispatcher.ts'
import { createOutputs } from './dispatch/output-schemas.ts'
import { createPushChannels } from './dispatch/push-channel.ts'
import { createTaskReader } from './dispatch/task-reader.ts'
import { bodyPlaces } from './http/body-budgets.ts'
import { collectRoutes } from './http/collect-routes.ts'
import { createJobRequests } from './http/job-requests.ts'
import { addDocs } from './http/openapi.ts'
import { batches } from './http/routes/batches.ts'
import { events as eventRoutes } from './http/routes/events.ts'
import { identity as identityRoutes, noIdentity } from './http/routes/identity.ts'
import { blobs as blobRoutes, jobs as jobRoutes } from './http/routes/jobs.ts'
import { kinds as kindRoutes } from './http/routes/kinds.ts'
import { pageFiles } from './http/routes/page-files.ts'
import { polling } from './http/routes/polling.ts'
import { slaveSide, slaves } from './http/routes/slaves.ts'
import { status } from './http/routes/status.ts'
import { taskFiles } from './http/routes/task-files.ts'
import { tasks } from './http/routes/tasks.ts'
import { refuseUnknownQueries } from './http/strict-query.ts'
import { createAttachments } from './http/task-attachments.ts'
import { createTaskRequests } from './http/task-requests.ts'
import type { Blobs } from './jobs/blobs.ts'
import { openJobs } from './jobs/open-jobs.ts'
import { eventLog } from './observe/event-log.ts'
import { watchLag } from './observe/event-loop-lag.ts'
import { createEvents } from './observe/events.ts'
import { createMasterMetrics } from './observe/metrics.ts'
import { createOverview } from './observe/overview.ts'
import { watchSlaves } from './observe/slave-watch.ts'
import { createTracing } from './observe/tracing.ts'
import { POLICIES } from './policies/policies.ts'
import { openSecurity } from './security/open-security.ts'
import type { MasterSettings } from './settings.ts'
import { StoreBrokenError } from './store/guard.ts'
import { createMemoryStore } from './store/memory.ts'
import { startRetention } from './store/retention.ts'
import { openSqliteStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'
import { assertWhole } from './store/whole.ts'

/** A batch may be this many times as large as one task. */
const BATCH_BYTES_FACTOR = 16
/** A clock that is slewed may be behind the newest stored task by this much. */
const CLOCK_BEHIND_MS = 5_000
/** Open responses may take this long when the master stops. */
const CLOSE_MS = 10_000
/** After its store broke, the master answers requests with the reason for this long. */
const LAST_WORDS_MS = 100

type Settings = Readonly<Static<typeof MasterSettings>>
type OnBroken = (error: Error) => void
type Parts = Awaited<ReturnType<typeof openParts>>

/**
 * Starts a master: opens its parts on what the store holds, then listens. Throws what prevents the
 * start (a UsageError for what the user can put right). `onBroken` is called once when the store
 * fails after the start; by default the process ends.
 */
export async function startMaster(settings: Settings, { onBroken: stop = crash } = {}) {
  const { onBroken, listening } = createBroken(stop)
  await assertFree(settings.host, settings.port)
  if (settings.store !== 'memory') assertWhole(settings.data)
  const log = await createLog('master', settings.logLevel, settings.logFormat)
  // First of all, because what it removes makes room on the disk.
  const removed = await removeDeadScratch()
  const parts = await openParts(settings, log, onBroken)
  const { server, routeTable } = await openServer(parts)
  await parts.jobs.resume()
  await server.listen({ host: settings.host, port: settings.port, backlog: BACKLOG })
  if (removed.length > 0)
    log.info({ removed }, 'removed scratch folders of processes that have ended')
  listening()
  const { dispatcher, store } = parts
  const { port } = server.server.address() as AddressInfo
  let closed: Promise<void> | undefined

  return {
    url: originOf(parts.security.material ? 'https' : 'http', settings.host, port),
    dispatcher,
    store,
    /** All routes, such as `GET /tasks/:id`. */
    routes: (): string[] => [
      ...new Set(routeTable().map(({ method, path }) => `${method} ${path}`)),
    ],
    /** The same, with the content that each accepts. */
    routeTable,
    /** From now on new tasks are refused; everything else continues. */
    prepareToStop(): void {
      dispatcher.stopAccepting()
    },
    /** Refuses new tasks, answers the open requests, then closes. Running attempts continue. */
    async stop(reason: string): Promise<void> {
      log.info({ reason }, 'stopping')
      dispatcher.stopAccepting()
      await this.close()
    },
    /** Idempotent. */
    close(): Promise<void> {
      closed ??= closeAll(server, parts)
      return closed
    },
  }
}

/**
 * A store that fails before the master listens makes the start throw, or is reported at its end;
 * afterwards it stops the master at once. Only the first failure counts.
 */
function createBroken(stop: OnBroken) {
  let listens = false
  let broken: Error | undefined
  return {
    onBroken(error: Error): void {
      if (broken) return
      broken = error
      if (listens) stop(error)
    },
    listening(): void {
      listens = true
      if (broken) stop(broken)
    },
  }
}

/** Opens everything behind the routes, in the order of dependence. Nothing listens yet. */
async function openParts(settings: Settings, log: Logger, onBroken: OnBroken) {
  const core = await openCore(settings, log, onBroken)
  const { tracing, events } = core
  const jobs = await openJobs({
    ...core,
    clock,
    onEvent: events.add,
    ...(tracing ? { onOver: tracing.job } : {}),
  })
  core.onBlobs(jobs.blobs)
  return { ...core, ...jobs, ...openWatching(core, jobs) }
}

type Core = Awaited<ReturnType<typeof openCore>>

/** Security, the task store and the dispatcher. */
async function openCore(settings: Settings, log: Logger, onBroken: OnBroken) {
  const folder = openFolder(settings.store === 'memory' ? undefined : settings.data)
  const namedSlaves = settings.slaves.map(parseSlave)
  const security = await openSecurity({ settings, slaves: namedSlaves, clock, log, onBroken })
  const store = openTaskStore(settings, log, onBroken)
  const tracing = createTracing(settings, log)
  const events = createEvents()
  const kinds = await loadKinds()
  const outputs = createOutputs(kinds)
  const ids = createIds(() => msOf(clock.wall()))
  // The blobs are opened after the dispatcher, whose tasks use them.
  const blobs = Promise.withResolvers<Blobs>()
  const dispatcher = await createDispatcher({
    settings,
    outputs,
    keepBlobs: async (...given) => (await blobs.promise).keepFor(...given),
    slaves: namedSlaves,
    policy: POLICIES[settings.policy],
    store,
    push: (receive) =>
      createPushChannels({ askTimeoutMs: settings.askTimeoutMs, receive, reach: security.reach }),
    clock,
    random: createRandom(randomBytes(6).readUIntBE(0, 6)),
    taskIds: ids.after,
    attemptIds: createAttemptIds,
    log,
    onEvent: events.add,
    onBroken,
    ...(tracing ? { onOver: tracing.task } : {}),
  })
  security.onShutOut((slave) => {
    log.warn({ slave }, 'the certificates of a slave were revoked')
    const boot = dispatcher.view.registry.byName.get(slave)?.boot ?? ''
    dispatcher.leave(slave, boot).catch(() => {})
  })
  return {
    settings,
    folder,
    log,
    onBroken,
    security,
    store,
    tracing,
    events,
    kinds,
    outputs,
    ids,
    dispatcher,
    onBlobs: blobs.resolve,
  }
}

function openTaskStore(settings: Settings, log: Logger, onBroken: OnBroken): Store {
  if (settings.store === 'memory') return createMemoryStore()
  const { data, diskReserveBytes } = settings
  return openSqliteStore({
    folder: data,
    diskReserveBytes,
    onBroken,
    onCarriedOver: (tasks) =>
      log.info({ tasks }, 'converting the stored tasks of an earlier version; this happens once'),
  })
}

/** What observes the master, and retention, which follows the observed clock. */
function openWatching(core: Core, jobParts: Awaited<ReturnType<typeof openJobs>>) {
  const { settings, log, store, dispatcher, events } = core
  const { newestAt } = dispatcher
  if (log.isLevelEnabled('debug')) events.follow(eventLog(log, dispatcher.traceOf))
  const lag = watchLag()
  const { registry } = dispatcher.view
  const slaveWatch = watchSlaves({ registry, clock, log, onEvent: events.add })
  const overview = createOverview({ dispatcher, events, clock, lagMs: lag.nowMs })
  const clockWatch = watchClock(clock, log)
  clockWatch.onStep(dispatcher.clockStepped)
  const behindMs = newestAt === null ? 0 : msBetween(clock.wall(), newestAt)
  if (behindMs > CLOCK_BEHIND_MS) {
    log.warn(
      { behindMs },
      'the wall clock is behind the newest task in the store: check the system time',
    )
  }
  const retention = startRetention({
    ...settings,
    store,
    clock,
    clockWatch,
    newestAt,
    log,
    also: jobParts.jobRetention.run,
  })
  return { lag, slaveWatch, overview, clockWatch, retention }
}

/** The HTTP server with its hooks and all routes. */
async function openServer(parts: Parts) {
  const { settings, log, security, slices, blobs } = parts
  const server = createServer({
    log,
    bodyBytesMax: settings.inputBytesMax,
    slices,
    secure: security.material,
    socketsMax: settings.socketsMax,
    requestTimeoutMs: settings.arrivalMs,
    longBodyMs: blobs.arrivalMsMax,
    placeOf: bodyPlaces({
      bytesMax: settings.bodiesBytesMax,
      perCallerBytesMax: settings.bodiesPerCallerBytesMax,
    }),
  })
  const routeTable = collectRoutes(server)
  security.guard(server)
  refuseUnknownQueries(server)
  const { kinds, jobKinds } = parts
  const loaded = { kinds: [...kinds.values()], jobKinds: [...jobKinds.values()] }
  await addDocs(server, routeTable, { ...loaded, batchTasksMax: settings.batchTasksMax })
  await registerRoutes(server, parts)
  return { server, routeTable }
}

/** The table of contents of the API. */
async function registerRoutes(server: Server, parts: Parts) {
  const { settings, dispatcher, kinds, jobKinds, jobs, blobs, slices, clockWatch } = parts
  const { batchTasksMax, inputBytesMax, waitMsMax } = settings
  const { registry } = dispatcher.view
  const { now, wall } = clock
  const reader = createTaskReader(parts.store)
  const requests = createTaskRequests({
    kinds,
    limits: settings,
    offered: (kind) => registry.isKnown(kind),
    jobKinds,
  })
  const jobRequests = createJobRequests({
    kinds: jobKinds,
    taskKinds: kinds,
    blobs,
    slaves: () => registry.all(),
    runLimitMs: settings.jobRunLimitMs,
    runLimitMsMax: settings.runLimitMsMax,
  })
  const batchBytesMax = inputBytesMax * BATCH_BYTES_FACTOR
  const { identity } = parts.security
  if (identity) await server.register(identityRoutes, identity)
  else await server.register(noIdentity)
  const attach = createAttachments({ blobs, newId: dispatcher.newId })
  await server.register(tasks, { dispatcher, requests, reader, attach, waitMsMax, now })
  await server.register(taskFiles, { reader, blobs })
  await server.register(batches, {
    dispatcher,
    attach,
    requests,
    slices,
    batchTasksMax,
    batchBytesMax,
    inputBytesMax,
    waitMsMax,
    now,
  })
  await server.register(slaves, { dispatcher, now })
  await server.register(jobRoutes, {
    jobs,
    jobStore: parts.jobStores.jobs,
    blobs,
    requests: jobRequests,
    slices,
    isDraining: () => dispatcher.isDraining,
    inputBytesMax: batchBytesMax,
    waitMsMax,
    wall,
  })
  await server.register(blobRoutes, { blobs })
  await server.register(slaveSide, { dispatcher, isLiveJob: jobs.isLive })
  const simpleKinds = [...kinds.values()].filter(
    ({ files, peers, program }) => !files && !peers && !program,
  )
  await server.register(polling, { dispatcher, simpleKinds: simpleKinds.map(({ name }) => name) })
  const { events, overview, tracing, lag } = parts
  await server.register(eventRoutes, { events, overview, streamsMax: settings.eventStreamsMax })
  const { steps: clockSteps } = clockWatch
  const spans = () => tracing?.counts() ?? { sent: 0, dropped: 0 }
  const metrics = createMasterMetrics({ dispatcher, reader, spans, clockSteps })
  await server.register(status, { dispatcher, reader, lag, now, clockSteps, metrics })
  await server.register(kindRoutes, { dispatcher, kinds, jobKinds })
  await server.register(pageFiles)
}

async function closeAll(server: Server, parts: Parts): Promise<void> {
  const { dispatcher } = parts
  parts.retention.close()
  parts.clockWatch.close()
  parts.slaveWatch.close()
  parts.overview.close()
  parts.jobs.close()
  dispatcher.endPolls()
  // A client that does not read its response must not keep the master from stopping.
  const cut = setTimeout(() => server.server.closeAllConnections(), CLOSE_MS)
  await server.close()
  clearTimeout(cut)
  await dispatcher.close()
  await parts.security.close()
  await parts.tracing?.close()
  await parts.jobStores.close()
  parts.lag.close()
  parts.folder.close()
}

/**
 * A store that fails must not be written to again: the next start reads what is on the disk. Where an
 * operator must act first, the code says so, as at a start that is refused: a supervisor does not try
 * again. What was asked meanwhile hears why.
 */
function crash(error: Error): void {
  if (error instanceof StoreBrokenError) {
    process.stderr.write(`askfirst master: ${error.message}\n`)
    setTimeout(() => process.exit(64), LAST_WORDS_MS)
    return
  }
  process.stderr.write(`askfirst master: the store failed, so the master stops: ${error.message}\n`)
  process.exit(70)
}

function parseSlave(text: string): { name: string; url: string } {
  const at = text.indexOf('=')
  return { name: text.slice(0, at), url: text.slice(at + 1) }
}
