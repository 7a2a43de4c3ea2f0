// What a client sends with a task besides its input: files, the names of its outputs, secret variables.
// They travel to the slave in the offer, and are stored as `work` beside the input (dispatch/task-records.ts).
//
//   body --attachmentsOf--> names checked --attach--> blobs known to be the client's, and kept for the task

import { filePathMistake } from '../../shared/data/file-paths.ts'
import { invalidRequest } from '../../shared/http/validate.ts'
import type { TaskOptions } from '../../shared/protocol/api/task-body.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { Submission } from '../dispatch/pending-requests.ts'
import type { Work } from '../dispatch/task-work.ts'
import { workIn } from '../dispatch/task-work.ts'
import type { Blobs } from '../jobs/blobs.ts'

export type Attachments = {
  files: { name: string; sha256: string }[]
  outputs: string[]
  secretEnv: Record<string, string>
}

/** A submission whose files are not looked up yet. */
export type TaskRequest = Submission & { attachments: Attachments | null }

const NO_FILES: NonNullable<TaskOptions['files']> = {}
const NO_OUTPUTS: string[] = []
const NO_VARIABLES: Record<string, string> = {}
const NOTHING: Attachments = { files: [], outputs: [], secretEnv: {} }

/** The attachments of a body whose form is checked; null when it has none. Throws `invalid-request`. */
export function attachmentsOf(
  { files = NO_FILES, outputs = NO_OUTPUTS }: Pick<TaskOptions, 'files' | 'outputs'>,
  secretEnv: Record<string, string> = NO_VARIABLES,
): Attachments | null {
  // Most tasks have nothing of it.
  if (files === NO_FILES && outputs === NO_OUTPUTS && secretEnv === NO_VARIABLES) return null
  const listed = Object.entries(files).map(([name, { sha256 }]) => ({ name, sha256 }))
  const names = listed.map(({ name }) => name)
  const mistakes = [...mistakesIn('files', names), ...mistakesIn('outputs', outputs)]
  mistakes.push(...folderMistakes(names))
  if (mistakes.length > 0) throw invalidRequest(mistakes.slice(0, MISTAKES_MAX))
  const isEmpty = names.length === 0 && outputs.length === 0 && Object.keys(secretEnv).length === 0
  return isEmpty ? null : { files: listed, outputs, secretEnv }
}

const MISTAKES_MAX = 10

function mistakesIn(field: string, paths: readonly string[]) {
  return paths.flatMap((path) => {
    const mistake = filePathMistake(path)
    return mistake === null ? [] : [{ field, rule: `"${path.slice(0, 64)}" ${mistake}` }]
  })
}

/** A name cannot be that of a file and of a folder. */
function folderMistakes(names: readonly string[]) {
  const all = new Set(names)
  return names.flatMap((name) => {
    const parts = name.split('/')
    const above = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'))
    const file = above.find((folder) => all.has(folder))
    if (file === undefined) return []
    return [
      { field: 'files', rule: `"${file.slice(0, 64)}" is a file and a folder of other files` },
    ]
  })
}

/** The attachments of a stored task, to submit it again; null when it has none, or is a part of a job. */
export function attachmentsIn(work: string | null): Attachments | null {
  const said = workIn(work)
  if (said === null) return null
  const files = (said.files ?? []).map(({ name, sha256 }) => ({ name, sha256 }))
  return { ...NOTHING, ...said, files }
}

export type AttachFiles = ReturnType<typeof createAttachments>

/** `newId`: the id of a new task. */
export function createAttachments(given: {
  blobs: Pick<Blobs, 'get' | 'referTask'>
  newId: () => string
}) {
  const { blobs, newId } = given

  /** Looks the files up, and keeps them for the task. Rejects with `no-such-blob`. */
  return async function attach({ attachments, ...submission }: TaskRequest): Promise<Submission> {
    if (attachments === null) return submission
    const { files, outputs, secretEnv } = attachments
    const { client } = submission
    const found = await Promise.all(files.map((file) => lookUp(file, client)))
    const id = newId()
    const used = [...new Set(files.map(({ sha256 }) => sha256))]
    // Before the task is there: a sweep in between would find no task, and no use of long ago.
    if (used.length > 0) await blobs.referTask(id, client, used)
    const work: Work = {
      ...(found.length > 0 ? { files: found } : {}),
      ...(outputs.length > 0 ? { outputs } : {}),
      ...(Object.keys(secretEnv).length > 0 ? { secretEnv } : {}),
    }
    return { ...submission, id, work: JSON.stringify(work).slice(1, -1) }
  }

  async function lookUp({ name, sha256 }: { name: string; sha256: string }, client: string | null) {
    try {
      const { bytes } = await blobs.get(sha256, client)
      return { name, url: `/blobs/${sha256}`, bytes, sha256 }
    } catch (error) {
      if (!(error instanceof Problem) || error.type !== 'no-such-blob') throw error
      const detail = `${error.message}, which "files" names for "${name}": upload it first (PUT /blobs)`
      throw new Problem('no-such-blob', detail)
    }
  }
}
