// A full disk, as a client is told.

import { Problem } from '../../shared/protocol/problems.ts'
import { StoreFullError } from '../store/store.ts'

/** A write that a full disk has refused is repeated after this. In milliseconds. */
export const AGAIN_MS = 1_000

/** Rejects with `store-full` where the store rejects with StoreFullError. */
export async function refusedWhenFull<T>(write: Promise<T>): Promise<T> {
  try {
    return await write
  } catch (error) {
    if (!(error instanceof StoreFullError)) throw error
    throw new Problem('store-full', 'the disk is full; accepted tasks and jobs are safe')
  }
}
