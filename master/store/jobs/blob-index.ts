// The seam between the blobs and what is stored about each: its type, who brought it, when it was last
// used, and which jobs use it. The bytes are files (jobs/blobs.ts). The rules of job-store.ts hold here
// too, and calls of both take effect in one order.

import type { WallTime } from '../../../shared/data/clock.ts'

export type BlobRecord = { sha256: string; bytes: number; type: string }

/** Bytes of all blobs, and of those that each client brought. */
export type BlobUsage = { bytes: number; byClient: ReadonlyMap<string, number> }

/** What a removed blob had: its size, and the clients that brought it. */
export type DroppedBlob = { bytes: number; clients: string[] }

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
   * less than `freshMs` old, or when the disk is full.
   */
  use(sha256: string, now: WallTime, freshMs: number): Promise<BlobRecord | undefined>
  /** A part of this job gave these blobs: the job uses them until it ends. */
  refer(job: string, sha256s: readonly string[]): Promise<void>
  /** A page of the blobs that were last used before a time and that no job uses, by name after `after`. */
  unused(usedBefore: WallTime, after: string): Promise<string[]>
  /** Forgets a blob, unless it was used since `usedBefore` or a job uses it: then undefined. */
  drop(sha256: string, usedBefore: WallTime): Promise<DroppedBlob | undefined>
}
