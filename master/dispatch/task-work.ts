// What an offer of a task carries besides its input, as it is stored: JSON text without its braces. Of a
// task of its own: files, the names of outputs, secret variables. A part of a job has other fields.

import type { InputFile } from '../../shared/protocol/wire.ts'

/** Of a task of its own. */
export type Work = {
  files?: Required<Pick<InputFile, 'name' | 'url' | 'bytes' | 'sha256'>>[]
  outputs?: string[]
  secretEnv?: Record<string, string>
}

/** Whether a task is a part of a job (jobs/job-parts.ts writes `job` first). */
export const isPart = (work: string | null): boolean => work?.startsWith('"job":') ?? false

/** Null: nothing, or a part of a job. */
export function workIn(work: string | null): Work | null {
  return work === null || isPart(work) ? null : (JSON.parse(`{${work}}`) as Work)
}
