// Jobs and blobs, as clients submit and read them.

import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { WallTime } from '../../../shared/data/clock.ts'
import { serve, serveWith } from '../../../shared/http/serve.ts'
import type { Slices } from '../../../shared/process/time-slices.ts'
import { putBlob, readBlob } from '../../../shared/protocol/api/blobs.ts'
import {
  cancelJob,
  listJobs,
  readJob,
  readParts,
  readResult,
  submitJob,
} from '../../../shared/protocol/api/jobs.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import type { Blobs } from '../../jobs/blobs.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import { may, sees } from '../../security/auth.ts'
import type { JobOutcome, JobRecord, JobStore } from '../../store/jobs/job-store.ts'
import { jobJson, partsJson, storedParts } from '../../views/job-json.ts'
import { PAGE_BYTES_MAX, pageWithin } from '../../views/list-page.ts'
import type { JobRequests } from '../job-requests.ts'
import {
  bodyFields,
  goneOf,
  inSmallLetters,
  isDryRun,
  manners,
  ownerOf,
  preferredWaitMs,
} from './request-options.ts'
import { headOnly, SAFE, sendBlob } from './send-blob.ts'

type Options = {
  jobs: Jobs
  jobStore: JobStore
  requests: JobRequests
  blobs: Blobs
  slices: Slices
  isDraining: () => boolean
  inputBytesMax: number
  waitMsMax: number
  wall: () => WallTime
}

type Found = Awaited<ReturnType<Jobs['get']>>

export async function jobs(app: FastifyInstance, options: Options) {
  const { jobs, jobStore, requests, blobs, slices, wall } = options
  /** A job that the caller may see. A job of another client is reported as unknown. */
  const own = async (request: FastifyRequest, id: string) => {
    const found = await jobs.get(id)
    if (sees(request.caller, found.record.client)) return found
    throw new Problem('no-such-job', `there is no job ${id}`)
  }
  /** The same when it has ended, or as it stands after the wait that the request prefers. */
  const waitedFor = async (request: FastifyRequest, reply: FastifyReply, id: string) => {
    const found = await own(request, id)
    // Nothing of it changes any more.
    if (found.job === null && found.record.endedAt !== null) return found
    const waitMs = preferredWaitMs(request, options.waitMsMax)
    await jobs.wait(id, waitMs, goneOf(reply, waitMs))
    return jobs.get(id)
  }
  /** A whole job, with its input when that is short. */
  const json = async ({ record, job }: Found) => {
    const { id } = record
    const outcome = await outcomeOf(record)
    const { stages, endedAt } = record
    // An earlier version stored long stages.
    const all = stages === null && endedAt !== null ? await jobStore.text(id, 'parts') : stages
    return jobJson({ ...record, outcome, stages: all }, job, wall())
  }
  const outcomeOf = async ({ id, outcome, outcomeBytes }: JobRecord) =>
    outcome === null && outcomeBytes !== null ? jobStore.text(id, 'outcome') : outcome

  serveWith(app, submitJob, { bodyLimit: options.inputBytesMax }, async (request, reply) => {
    // The body may be long: hashing, checking and storing it are separate slices.
    const { waitMs, ...said } = await slices.run(() => manners(request, options.waitMsMax))
    if (isDryRun(request.query)) {
      return slices.run(() => requests.explain(request.body, bodyFields(request), said.client))
    }
    const before = await jobs.repeated(said)
    if (before === null && options.isDraining()) {
      throw new Problem('draining', 'the master is shutting down')
    }
    const parse = () => requests.parse(request.body, bodyFields(request), said.client)
    const { id, isRepeated } =
      before === null
        ? await jobs.submit({ ...(await slices.run(parse)), ...said })
        : { id: before, isRepeated: true }
    await jobs.wait(id, waitMs, goneOf(reply, waitMs))
    reply.header('location', `/jobs/${id}`)
    if (isRepeated) reply.header('idempotency-replayed', 'true')
    if (waitMs > 0) reply.header('preference-applied', `wait=${Math.round(waitMs / 1000)}`)
    reply.code(jobs.isLive(id) ? 202 : 200)
    return json(await jobs.get(id))
  })

  serve(app, listJobs, async (request, reply) => {
    const { limit = 100, cursor } = request.query
    const before = cursor === undefined ? {} : { before: cursor.toLowerCase() }
    const client = ownerOf(request)
    const found = await jobStore.list({ ...before, limit: limit + 1, client })
    const { page, cut } = pageWithin(found.slice(0, limit), (record) =>
      jobJson(record, jobs.stateOf(record.id), wall()),
    )
    const next = cut || found.length > limit ? (page.at(-1)?.id ?? null) : null
    if (next) reply.header('link', `</jobs?limit=${limit}&cursor=${next}>; rel="next"`)
    return { jobs: page, next }
  })

  /** With `Prefer: wait=N`: when it has ended, or after N seconds. */
  serve(app, readJob, async (request, reply) => {
    return json(await waitedFor(request, reply, inSmallLetters(request.params.id)))
  })

  serve(app, readParts, async (request) => {
    const id = inSmallLetters(request.params.id)
    const { limit = 1000, ...said } = request.query
    const query = { ...said, limit, bytesMax: PAGE_BYTES_MAX }
    const { record, job } = await own(request, id)
    const stored = job ? '[]' : ((await jobStore.text(id, 'parts')) ?? '[]')
    const stages = job ? partsJson(job.stages, { ended: false }, query) : storedParts(stored, query)
    if (query.stage !== undefined && stages.length === 0) {
      const names = (job ? job.stages : storedParts(stored, { limit: 0 })).map(({ name }) => name)
      const detail = `job ${id} has no stage "${query.stage}" yet; its stages are: ${names.join(', ')}`
      throw new Problem('not-found', detail)
    }
    return { id, status: record.status, stages }
  })

  serve(app, readResult, async (request, reply) => {
    const id = inSmallLetters(request.params.id)
    const { record } = await waitedFor(request, reply, id)
    const result = resultOf({ ...record, outcome: await outcomeOf(record) })
    if (!result.file) return { id, ...result }
    const { blobs: list, type, name } = result.file
    const found = await Promise.all(list.map((sha256) => blobs.get(sha256, null)))
    const bytes = found.reduce((sum, blob) => sum + blob.bytes, 0)
    reply.headers({
      'content-type': type,
      'content-length': bytes,
      'content-disposition': `inline; filename="${name}"`,
      ...SAFE,
    })
    if (request.method === 'HEAD') return headOnly(reply)
    return reply.send(Readable.from(blobs.readAll(list), { objectMode: false }))
  })

  serve(app, cancelJob, async (request) => {
    const id = inSmallLetters(request.params.id)
    const { record } = await own(request, id)
    if (!(await jobs.cancel(id))) {
      throw new Problem('already-ended', `job ${id} is ${record.status}`)
    }
    const cancelled = await jobs.get(id)
    return may(request.caller, 'read') ? json(cancelled) : { id, status: cancelled.record.status }
  })
}

function resultOf(record: JobRecord) {
  const { id, status, endedAt } = record
  if (endedAt === null) throw new Problem('not-ended', `job ${id} is ${status}`)
  const outcome = JSON.parse(record.outcome ?? 'null') as JobOutcome | null
  if (outcome && 'result' in outcome) return outcome.result
  const why = outcome ? `: ${outcome.failure.type}: ${outcome.failure.message}` : ''
  throw new Problem('no-result', `job ${id} is ${status}${why}`)
}

/** Bytes in, bytes out: a body of any media type is stored unchanged. */
export async function blobs(app: FastifyInstance, { blobs }: { blobs: Blobs }) {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

  serve(app, putBlob, async (request, reply) => {
    // A request without content stores the blob of no bytes.
    const body = request.body instanceof Readable ? request.body : Readable.from([])
    request.mayTakeLong()
    const { 'content-type': type, 'content-length': length = '0' } = request.headers
    const isSlave = request.caller.slave !== null
    const owner = { client: isSlave ? null : ownerOf(request), isSlave }
    const record = await blobs.put(body, type, owner, Number(length))
    reply.code(201).header('location', `/blobs/${record.sha256}`)
    return record
  })

  serve(app, readBlob, async (request, reply) => {
    const sha256 = inSmallLetters(request.params.sha256)
    const { caller } = request
    const reader = caller.slave === null ? ownerOf(request) : null
    return sendBlob(request, reply, blobs, await blobs.get(sha256, reader))
  })
}
