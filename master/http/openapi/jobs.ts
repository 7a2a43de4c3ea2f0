// The documentation of routes/jobs.ts.

import type { TSchema } from 'typebox'
import {
  Blob,
  Cancelled,
  Job,
  JobExplanation,
  JobList,
  JobResult,
  Parts,
} from '../../../shared/protocol/client-wire.ts'
import type { Operations } from './operation.ts'

const BYTES = 'application/octet-stream'

export const jobDocs = (body: TSchema, examples: Record<string, unknown>): Operations => ({
  'POST /jobs': {
    summary: 'Begin a job: the master splits it into parts, hands them out, and combines them',
    tag: 'jobs',
    operationId: 'submitJob',
    headers: ['prefer', 'idempotency-key', 'traceparent'],
    takes: body,
    examples,
    gives: { 202: Job, 200: [Job, JobExplanation] },
    problems: [
      'unknown-kind',
      'no-capable-slave',
      'no-such-blob',
      'key-reused',
      'at-capacity',
      'no-slaves',
      'queue-full',
      'store-full',
      'draining',
    ],
  },
  'GET /jobs': {
    summary: 'List jobs, newest first',
    tag: 'jobs',
    operationId: 'listJobs',
    gives: { 200: JobList },
  },
  'GET /jobs/:id': {
    summary: 'Read one job: its stages, how far each is, its result',
    tag: 'jobs',
    operationId: 'readJob',
    headers: ['prefer'],
    gives: { 200: Job },
    problems: ['no-such-job'],
  },
  'GET /jobs/:id/parts': {
    summary: 'Read the parts of a job, stage by stage',
    tag: 'jobs',
    operationId: 'readParts',
    gives: { 200: Parts },
    problems: ['no-such-job'],
  },
  'GET /jobs/:id/result': {
    summary: 'Read the result by itself: a file as what it is, anything else as JSON',
    tag: 'jobs',
    operationId: 'readResult',
    headers: ['prefer'],
    gives: { 200: [JobResult, '*/*'] },
    problems: ['no-such-job', 'no-such-blob', 'not-ended', 'no-result'],
  },
  'DELETE /jobs/:id': {
    summary: 'Cancel a job and whatever runs of it',
    tag: 'jobs',
    operationId: 'cancelJob',
    gives: { 200: [Job, Cancelled] },
    problems: ['no-such-job', 'already-ended'],
  },
  'PUT /blobs': {
    summary: 'Keep these bytes: their SHA-256 is their name from now on',
    tag: 'jobs',
    operationId: 'putBlob',
    takes: '*/*',
    gives: { 201: Blob },
    problems: ['body-too-large', 'quota-exceeded', 'store-full'],
  },
  'GET /blobs/:sha256': {
    summary: "Read a blob's bytes",
    tag: 'jobs',
    operationId: 'readBlob',
    gives: { 200: BYTES, 304: null },
    problems: ['no-such-blob'],
  },
})
