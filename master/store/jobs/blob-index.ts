// The seam between the blobs and what is stored about each: its type, whose it is, when it was last
// used, and which jobs and tasks use it. The bytes are files (jobs/blobs.ts). The rules of job-store.ts hold here
// too, and calls of both take effect in one order.

import type { WallTime } from '../../../shared/data/clock.ts'

export type BlobRecord = { sha256: string; bytes: number; type: string }

/** Bytes of all blobs, and of those that each client brought. */
export type BlobUsage = { bytes: number; byClient: ReadonlyMap<string, number> }

/** What a removed blob had: its size, and the clients that brought it. */
export type DroppedBlob = { bytes: number; clients: string[] }

/** Bytes of the blobs that were not a client's before; null: no client owns them. */
export type NewlyOwned = { client: string; bytes: number } | null

export type BlobIndex = {
  usage(): Promise<BlobUsage>
  /** Stores what is known of a blob, which counts as used now. `client`: who brought it. */
  put(
    blob: BlobRecord,
    client: string | null,
    now: WallTime,
  ): Promise<{ isNew: boolean; isNewToClient: boolean }>
  /**
   * What is known of a blob, and marks it as used now. The mark is not written when the last one is
   * less than `freshMs` old, or when the disk is full. `reader`: only when the blob is this client's; null:
   * whosever it is.
   */
  use(
    sha256: string,
    now: WallTime,
    freshMs: number,
    reader: string | null,
  ): Promise<BlobRecord | undefined>
  /** A part of this job gave these blobs: the job uses them until it ends, and they are its client's, too. */
  refer(job: string, sha256s: readonly string[]): Promise<NewlyOwned>
  /**
   * A task uses these blobs until it is removed (`tasksOf`, `release`), and they are its client's, too.
   * Blobs that are not there are left out.
   */
  referTask(task: string, client: string | null, sha256s: readonly string[]): Promise<NewlyOwned>
  /** Some of the tasks that use a blob. */
  tasksOf(sha256: string): Promise<string[]>
  /** These tasks are no more. */
  release(sha256: string, tasks: readonly string[]): Promise<void>
  /** A page of the blobs that were last used before a time and that no job uses, by name after `after`. */
  unused(usedBefore: WallTime, after: string): Promise<string[]>
  /** Forgets a blob, unless it was used since `usedBefore` or a job uses it: then undefined. */
  drop(sha256: string, usedBefore: WallTime): Promise<DroppedBlob | undefined>
}
