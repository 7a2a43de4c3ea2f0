// The files of outcomes: before an outcome is taken, the blobs that it names are known to be here, and are
// kept for its task. So an acknowledged outcome never names a file that is gone.

import type { Callback, Outcome, OutputFile } from '../../shared/protocol/wire.ts'
import type { Store } from '../store/store.ts'
import type { TaskPayloads } from './task-payloads.ts'
import { isPart } from './task-work.ts'

/** Keeps blobs for a task of a client. Resolves with those that are not here. */
export type KeepBlobs = (
  task: string,
  client: string | null,
  sha256s: string[],
) => Promise<string[]>

export function createKeptFiles(given: {
  payloads: Pick<TaskPayloads, 'clientOf'>
  store: Pick<Store, 'get'>
  keepBlobs: KeepBlobs
}) {
  return { kept, keptAll }

  /** The same callbacks; at once when none names a blob, as a rule. */
  function keptAll(callbacks: Callback[]): Callback[] | Promise<Callback[]> {
    if (callbacks.every(({ outcome }) => outcome.files === undefined)) return callbacks
    return Promise.all(
      callbacks.map(async (callback) => ({
        ...callback,
        outcome: await kept(callback.task, callback.outcome),
      })),
    )
  }

  /** The outcome, or the failure that files of it are not here. */
  async function kept(task: string | undefined, outcome: Outcome): Promise<Outcome> {
    const files = blobsIn(outcome.files)
    if (files.length === 0 || task === undefined) return outcome
    const owner = await ownerOf(task)
    // A job keeps what its parts give.
    if (owner === null || owner.isPart) return outcome
    const sha256s = [...new Set(files.map(({ sha256 }) => sha256))]
    const missing = new Set(await given.keepBlobs(task, owner.client, sha256s))
    const lost = files.find(({ sha256 }) => missing.has(sha256))
    if (lost === undefined) return outcome
    const message = `the slave names the output ${lost.name}, which it has not uploaded`
    return { status: 'failed', type: 'missing-output', message }
  }

  async function ownerOf(task: string) {
    const known = given.payloads.clientOf(task)
    if (known !== undefined) return known
    const record = await given.store.get(task)
    return record ? { client: record.client, isPart: isPart(record.work) } : null
  }
}

/** Those of a run's files that are blobs on the master, and not kept on the slave. */
export const blobsIn = (files: readonly OutputFile[] = []) =>
  files.flatMap(({ name, sha256, url }) =>
    sha256 === undefined || url !== undefined ? [] : [{ name, sha256 }],
  )
