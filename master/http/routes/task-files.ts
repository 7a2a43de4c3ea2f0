// The files that the run of a task left, as its clients read them.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { serve } from '../../../shared/http/serve.ts'
import { listTaskFiles, readTaskFile } from '../../../shared/protocol/api/tasks.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import { blobsIn } from '../../dispatch/kept-files.ts'
import type { TaskReader } from '../../dispatch/task-reader.ts'
import { readOutcome } from '../../dispatch/task-records.ts'
import type { Blobs } from '../../jobs/blobs.ts'
import { sees } from '../../security/auth.ts'
import { inSmallLetters } from './request-options.ts'
import { sendBlob } from './send-blob.ts'

const FILES = '/files/'

type Options = { reader: TaskReader; blobs: Blobs }

export async function taskFiles(app: FastifyInstance, { reader, blobs }: Options) {
  serve(app, listTaskFiles, async (request) => {
    const files = await filesOf(request, request.params.id)
    return {
      files: await Promise.all(
        files.map(async ({ name, sha256 }) => ({ name, ...(await blobs.get(sha256, null)) })),
      ),
    }
  })

  serve(app, readTaskFile, async (request, reply) => {
    const { id } = request.params
    const path = pathIn(request.url)
    const files = await filesOf(request, id)
    const file = files.find(({ name }) => name === path)
    if (file) return sendBlob(request, reply, blobs, await blobs.get(file.sha256, null))
    const detail = `the task left no file "${path.slice(0, 64)}": GET /tasks/${id.slice(0, 64)}/files lists them`
    throw new Problem('no-such-blob', detail)
  })

  /** What stands after `/files/`, decoded: no schema names a parameter of that place. */
  function pathIn(url: string): string {
    const [address = ''] = url.split('?', 1)
    return decodeURIComponent(address.slice(address.indexOf(FILES) + FILES.length))
  }

  /** The files on the master. A task of another client is reported as unknown. */
  async function filesOf(request: FastifyRequest, given: string) {
    const id = inSmallLetters(given)
    const { client, outcome } = await reader.get(id)
    if (!sees(request.caller, client)) {
      throw new Problem('no-such-task', `there is no task ${id.slice(0, 64)}`)
    }
    return outcome === null ? [] : blobsIn(readOutcome(outcome).files)
  }
}
