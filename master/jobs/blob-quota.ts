// How many bytes of blobs there may be: for one client, in total, and so that the disk keeps room for
// outcomes. Counts stored blobs and uploads; an upload claims its bytes before the first of them is
// written. A client that fills its quota does not affect other clients.
//
//   claim(owner, declared) --grow(bytes)--> ... --release()   (what was kept is counted by `kept`)

import { Problem } from '../../shared/protocol/problems.ts'
import type { DiskOf } from '../store/disk-room.ts'
import { reserveOn } from '../store/disk-room.ts'

/** Who uploads a blob: a client (null where clients are not authenticated), or a slave with a result. */
export type BlobOwner = { client: string | null; isSlave: boolean }

export type BlobLimits = {
  /** Of all blobs. */
  totalBytesMax: number
  /** Of the blobs that one client uploaded. */
  perClientBytesMax: number
  /** What clients' blobs leave free on the disk. */
  diskReserveBytes: number
}

export function createBlobQuota(given: {
  limits: BlobLimits
  disk: DiskOf
  /** What is stored: in all, and by client. */
  stored: { bytes: number; byClient: ReadonlyMap<string, number> }
}) {
  const { limits, disk } = given
  /** Stored and arriving. */
  let total = given.stored.bytes
  const byClient = new Map(given.stored.byClient)
  /** Claimed, and not on the disk yet. */
  let unwritten = 0

  return {
    /** Throws `quota-exceeded` or `store-full`. `declared`: how long it will be, 0 if not known. */
    claim(owner: BlobOwner, declared: number) {
      let claimed = 0
      let written = 0
      take(declared)
      let isOver = false

      return {
        /** More bytes have arrived. Throws as claim() does. */
        grow(bytes: number): void {
          const known = Math.min(bytes, Math.max(0, claimed - written))
          if (bytes > known) take(bytes - known)
          written += bytes
          unwritten -= bytes
        },
        /** The upload has ended, stored or not. Idempotent. */
        release(): void {
          if (isOver) return
          isOver = true
          add(owner.client, -claimed)
          unwritten -= claimed - written
        },
      }

      function take(bytes: number): void {
        assertRoom(owner, bytes)
        claimed += bytes
        unwritten += bytes
        add(owner.client, bytes)
      }
    },

    /** A blob is stored; `clients`: for which it was not stored before. */
    kept(bytes: number, isNew: boolean, clients: readonly string[]): void {
      if (isNew) total += bytes
      for (const client of clients) addTo(client, bytes)
    },

    /** A blob is gone. */
    dropped(bytes: number, clients: readonly string[]): void {
      total -= bytes
      for (const client of clients) addTo(client, -bytes)
    },

    usage: () => ({ bytes: total, byClient: new Map(byClient) }),
  }

  function assertRoom({ client, isSlave }: BlobOwner, bytes: number): void {
    const { totalBytesMax, perClientBytesMax, diskReserveBytes } = limits
    if (!isSlave) {
      if (client !== null && (byClient.get(client) ?? 0) + bytes > perClientBytesMax) {
        throw exceeded(`blobs of the client "${client}"`, perClientBytesMax, 'blobs-per-client')
      }
      if (total + bytes > totalBytesMax) throw exceeded('all blobs', totalBytesMax, 'blobs')
    }
    const { freeBytes, bytes: size } = disk()
    const reserve = reserveOn(size, diskReserveBytes, isSlave ? 'results' : 'blobs')
    if (freeBytes - unwritten - bytes < reserve) {
      const detail = `the disk of the master has no space for this blob: ${reserve} bytes are kept free (--disk-reserve-bytes)`
      throw new Problem('store-full', detail)
    }
  }

  function add(client: string | null, bytes: number): void {
    total += bytes
    if (client !== null) addTo(client, bytes)
  }

  function addTo(client: string, bytes: number): void {
    const left = (byClient.get(client) ?? 0) + bytes
    if (left > 0) byClient.set(client, left)
    else byClient.delete(client)
  }
}

function exceeded(what: string, most: number, setting: string): Problem {
  const detail = `${what} may take ${most} bytes (--${setting}-bytes-max), and this blob would exceed that; unused blobs are removed after --blob-keep-ms`
  return new Problem('quota-exceeded', detail)
}
