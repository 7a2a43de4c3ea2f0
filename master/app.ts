// The master without its process: everything but settings, signals and exit. Its routes are listed
// here.

import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Static } from 'typebox'
import { LONG_AGO, later, msBetween, msOf, systemClock } from '../shared/data/clock.ts'
import { createIds } from '../shared/data/ids.ts'
import { createRandom } from '../shared/data/random.ts'
import { collectRoutes } from '../shared/http/route-table.ts'
import { assertFree, BACKLOG, createServer } from '../shared/http/server.ts'
import { loadJobKinds, loadKinds } from '../shared/kinds/kind.ts'
import { watchClock } from '../shared/process/clock-watch.ts'
import { createLog } from '../shared/process/log.ts'
import { openFolder, removeDeadScratch } from '../shared/process/scratch-folders.ts'
import { createSlices } from '../shared/process/time-slices.ts'
import { createAttemptIds } from './dispatch/attempt-ids.ts'
import { createDispatcher } from './dispatch/dispatcher.ts'
import { createOutputs } from './dispatch/output-schemas.ts'
import { createTransport } from './dispatch/push-channel.ts'
import { createTaskReader } from './dispatch/task-reader.ts'
import { bodyPlaces } from './http/body-budgets.ts'
import { createJobRequests } from './http/job-requests.ts'
import { addDocs } from './http/openapi/document.ts'
import { operationsOf } from './http/openapi/operations.ts'
import { batches } from './http/routes/batches.ts'
import { events as eventRoutes } from './http/routes/events.ts'
import { blobs as blobRoutes, jobs as jobRoutes } from './http/routes/jobs.ts'
import { kinds as kindRoutes } from './http/routes/kinds.ts'
import { metrics } from './http/routes/metrics.ts'
import { page } from './http/routes/page.ts'
import { pulling } from './http/routes/pulling.ts'
import { slaveSide, slaves } from './http/routes/slaves.ts'
import { status } from './http/routes/status.ts'
import { tasks } from './http/routes/tasks.ts'
import { isStrict, refuseUnknownQueries } from './http/strict-query.ts'
import { createTaskRequests } from './http/task-requests.ts'
import { createBlobs } from './jobs/blobs.ts'
import { openJobStore } from './jobs/job-store.ts'
import { createJobs } from './jobs/jobs.ts'
import { eventLog } from './observe/event-log.ts'
import { watchLag } from './observe/event-loop-lag.ts'
import { createEvents } from './observe/events.ts'
import { createMasterMetrics } from './observe/metrics.ts'
import { createOverview } from './observe/overview.ts'
import { watchSlaves } from './observe/slave-watch.ts'
import { createTracing } from './observe/tracing.ts'
import { POLICIES } from './policies/policies.ts'
import { openDoor } from './security/security.ts'
import type { MasterSettings } from './settings.ts'
import { StoreBrokenError } from './store/guard.ts'
import { createMemoryStore } from './store/memory.ts'
import { startTrimming } from './store/retention.ts'
import { openSqliteStore } from './store/sqlite.ts'
import { opened } from './store/sqlite-open.ts'
import { assertWhole } from './store/whole.ts'

/** A batch may be this many times as large as one task. */
const BATCH_BYTES_FACTOR = 16
/** So often, in the time that an unused blob is kept, it is looked which blobs jobs name. */
const SWEEPS = 100
/** A clock that was slewed may be behind what is stored by so much. */
const CLOCK_BEHIND_MS = 5_000
/** Answers that are under way may take so long when the master stops. */
const CLOSE_MS = 10_000
/** So long after its store broke a master tells why, and nothing else. */
const LAST_WORDS_MS = 100

export type MasterApp = Awaited<ReturnType<typeof startMaster>>

/** Starts a master: it carries on with what its store holds, then listens. */
export async function startMaster(
  settings: Readonly<Static<typeof MasterSettings>>,
  { onBroken: stop = crash } = {},
) {
  // What is found before the master listens is thrown, or found again by the end of the start.
  let listens = false
  let broken: Error | undefined
  const onBroken = (error: Error): void => {
    if (broken) return
    broken = error
    if (listens) stop(error)
  }
  await assertFree(settings.host, settings.port)
  if (settings.store !== 'memory') assertWhole(settings.data)
  const log = await createLog('master', settings.logLevel, settings.logFormat)
  // First, for the room. What does not start says nothing but why.
  const removed = await removeDeadScratch()
  const inMemory = settings.store === 'memory'
  const folder = openFolder(inMemory ? undefined : settings.data)
  const { now, wall } = systemClock
  const ids = createIds(() => msOf(wall()))
  const door = await openDoor({
    settings,
    slaves: settings.slaves.map(parseSlave),
    clock: systemClock,
    log,
    onBroken,
  })
  const store =
    settings.store === 'memory'
      ? createMemoryStore()
      : openSqliteStore({
          folder: settings.data,
          diskReserveBytes: settings.diskReserveBytes,
          onBroken,
        })
  const tracing = createTracing(settings, log)
  const events = createEvents()
  const kinds = await loadKinds()
  const jobKinds = await loadJobKinds()
  const outputs = createOutputs(kinds)
  const dispatcher = await createDispatcher({
    settings,
    outputs,
    slaves: settings.slaves.map(parseSlave),
    policy: POLICIES[settings.policy],
    store,
    transport: (receive) =>
      createTransport({ askTimeoutMs: settings.askTimeoutMs, receive, reach: door.reach }),
    clock: systemClock,
    random: createRandom(randomBytes(6).readUIntBE(0, 6)),
    taskIds: ids.after,
    attemptIds: createAttemptIds,
    log,
    onEvent: events.add,
    onBroken,
    ...(tracing ? { onOver: tracing.task } : {}),
  })
  door.onShutOut((slave) => {
    log.warn({ slave }, 'a slave was shut out')
    const boot = dispatcher.view.registry.byName.get(slave)?.boot ?? ''
    dispatcher.leave(slave, boot).catch(() => {})
  })
  const reader = createTaskReader(store)
  const { registry } = dispatcher.view
  const requests = createTaskRequests({
    kinds,
    limits: settings,
    offered: (kind) => registry.isKnown(kind),
    jobKinds,
  })
  const jobsFile = inMemory ? ':memory:' : join(folder.path, 'jobs.sqlite')
  const jobStore = opened(jobsFile, () => openJobStore(jobsFile, onBroken))
  const sweepMs = settings.blobKeepMs / SWEEPS
  const blobs = createBlobs({
    folder: join(folder.path, 'blobs'),
    store: jobStore,
    bytesMax: settings.blobBytesMax,
    arrivalMs: settings.arrivalMs,
    wall,
    freshMs: sweepMs,
    limits: {
      totalBytesMax: settings.blobsBytesMax,
      perClientBytesMax: settings.blobsPerClientBytesMax,
      diskReserveBytes: settings.diskReserveBytes,
    },
  })
  const slices = createSlices(systemClock)
  const jobs = createJobs({
    kinds: jobKinds,
    jobStore,
    store,
    dispatcher,
    outputs,
    clock: systemClock,
    slices,
    jobIds: ids.after,
    waitLimitMs: settings.waitLimitMs,
    liveJobsMax: settings.liveJobsMax,
    jobBytesMax: settings.jobBytesMax,
    jobsBytesMax: settings.jobsBytesMax,
    log,
    onBroken,
    ...(tracing ? { onOver: tracing.job } : {}),
    onEvent: events.add,
  })
  if (log.isLevelEnabled('debug')) events.follow(eventLog(log, dispatcher.traceOf))
  const lag = watchLag()
  const slaveWatch = watchSlaves({ registry, clock: systemClock, log, onEvent: events.add })
  const overview = createOverview({ dispatcher, events, clock: systemClock, lagMs: lag.nowMs })
  const clockWatch = watchClock(systemClock, log)
  clockWatch.onStep(dispatcher.clockStepped)
  const { newestAt } = dispatcher
  const behindMs = newestAt === null ? 0 : msBetween(wall(), newestAt)
  if (behindMs > CLOCK_BEHIND_MS) {
    log.warn({ behindMs }, 'the wall clock is behind the newest task in the store: check the time')
  }
  let sweepAt = LONG_AGO
  const trimming = startTrimming({
    ...settings,
    store,
    clock: systemClock,
    clockWatch,
    newestAt,
    log,
    also: async () => {
      while (jobStore.trim(later(wall(), -settings.keepMs)) > 0) await nextTurn()
      if (now() < sweepAt) return
      sweepAt = later(now(), sweepMs)
      await blobs.sweep(later(wall(), -settings.blobKeepMs), jobs.blobs)
    },
  })
  const jobRequests = createJobRequests({
    kinds: jobKinds,
    taskKinds: kinds,
    blobs,
    slaves: () => registry.all(),
    runLimitMs: settings.jobRunLimitMs,
    runLimitMsMax: settings.runLimitMsMax,
  })
  const server = createServer({
    log,
    bodyBytesMax: settings.inputBytesMax,
    slices,
    secure: door.material,
    socketsMax: settings.socketsMax,
    requestTimeoutMs: settings.arrivalMs,
    longBodyMs: blobs.arrivalMsMax,
    placeOf: bodyPlaces({
      bytesMax: settings.bodiesBytesMax,
      perCallerBytesMax: settings.bodiesPerCallerBytesMax,
    }),
  })
  const { batchTasksMax, inputBytesMax, waitMsMax } = settings
  const routeTable = collectRoutes(server, isStrict)
  door.guard(server)
  refuseUnknownQueries(server)
  await addDocs(server, () => operationsOf({ tasks: requests, jobs: jobRequests, batchTasksMax }))
  await server.register(door.routes)
  await server.register(tasks, {
    dispatcher,
    requests,
    reader,
    waitMsMax,
    now,
  })
  await server.register(batches, {
    dispatcher,
    requests,
    slices,
    batchTasksMax,
    batchBytesMax: inputBytesMax * BATCH_BYTES_FACTOR,
    inputBytesMax,
    waitMsMax,
    now,
  })
  await server.register(slaves, { dispatcher, now })
  await server.register(jobRoutes, {
    jobs,
    jobStore,
    blobs,
    requests: jobRequests,
    slices,
    isDraining: () => dispatcher.isDraining,
    inputBytesMax: inputBytesMax * BATCH_BYTES_FACTOR,
    waitMsMax,
    wall,
  })
  await server.register(blobRoutes, { blobs })
  await server.register(slaveSide, {
    dispatcher,
    isLiveJob: jobs.isLive,
    now,
  })
  const simpleKinds = [...kinds.values()].filter(({ files, peers }) => !files && !peers)
  await server.register(pulling, { dispatcher, simpleKinds: simpleKinds.map(({ name }) => name) })
  await server.register(eventRoutes, { events, overview, streamsMax: settings.eventStreamsMax })
  await server.register(status, { dispatcher, reader, lag, now, clockSteps: clockWatch.steps })
  await server.register(kindRoutes, { dispatcher, kinds, jobKinds })
  await server.register(page)
  const spans = () => tracing?.counts() ?? { sent: 0, dropped: 0 }
  await server.register(metrics, {
    metrics: createMasterMetrics({ dispatcher, reader, spans, clockSteps: clockWatch.steps }),
  })
  jobs.resume()
  await server.listen({ host: settings.host, port: settings.port, backlog: BACKLOG })
  if (removed.length > 0) log.info({ removed }, 'removed scratch folders of processes that ended')
  listens = true
  if (broken) stop(broken)
  const { port } = server.server.address() as AddressInfo
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  let closed: Promise<void> | undefined

  return {
    url: `${door.material ? 'https' : 'http'}://${host}:${port}`,
    dispatcher,
    store,
    /** Every route there is, such as `GET /tasks/:id`. */
    routes: (): string[] => [
      ...new Set(routeTable().map(({ method, path }) => `${method} ${path}`)),
    ],
    /** The same with what each takes. */
    routeTable,
    /** From now on new tasks are refused; everything else goes on. */
    prepareToStop(): void {
      dispatcher.stopAccepting()
    },
    /** Refuses new tasks, answers what is under way, then closes. What runs goes on. */
    async stop(reason: string): Promise<void> {
      log.info({ reason }, 'stopping')
      dispatcher.stopAccepting()
      await this.close()
    },
    /** Idempotent. */
    close(): Promise<void> {
      closed ??= (async () => {
        trimming.close()
        clockWatch.close()
        slaveWatch.close()
        overview.close()
        jobs.close()
        dispatcher.endPolls()
        // Who does not read what was asked for keeps nobody from stopping.
        const cut = setTimeout(() => server.server.closeAllConnections(), CLOSE_MS)
        await server.close()
        clearTimeout(cut)
        await dispatcher.close()
        door.close()
        await tracing?.close()
        jobStore.close()
        lag.close()
        folder.close()
      })()
      return closed
    },
  }
}

/**
 * A store that fails must not be written to again: whatever is on the disk, a new start reads. Where an
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
