// Blobs, and the files that tasks leave, as a client of a master uploads and reads them.

import type { Readable } from 'node:stream'
import type { Blob } from '../protocol/api/blobs.ts'
import type { Connection, Manners } from './connection.ts'
import { ProblemError } from './errors.ts'

/** Bytes that must be read to the end, or destroyed. */
export type Bytes = { type: string; bytes: number | null; body: Readable }

/** A file that the run of a task left. */
export type TaskFile = { name: string; bytes: number; sha256: string; type?: string }

/** Reads the bytes at a path. */
export async function bytesAt(
  { open }: Connection,
  path: string,
  manners: Manners,
): Promise<Bytes> {
  const { headers, body } = await open({ method: 'GET', path, ...manners })
  const length = headers['content-length']
  const type = String(headers['content-type'] ?? 'application/octet-stream')
  return { type, bytes: length === undefined ? null : Number(length), body }
}

export function createFiles(connection: Connection) {
  const { json, open } = connection
  const blobAt = (sha256: string): string => `/blobs/${encodeURIComponent(sha256)}`
  const filesAt = (id: string): string => `/tasks/${encodeURIComponent(id)}/files`

  return {
    /** Keeps bytes; their SHA-256 is their name from now on. A stream is made anew for each try. */
    async putBlob(
      bytes: Uint8Array | (() => Readable),
      { type = 'application/octet-stream', ...manners }: Manners & { type?: string } = {},
    ): Promise<Blob> {
      const made = typeof bytes === 'function' ? bytes : () => bytes
      const headers = { 'content-type': type }
      const said = { method: 'PUT', path: '/blobs', headers, bytes: made, ...manners } as const
      return (await json<Blob>(said)).value
    },

    getBlob: (sha256: string, manners: Manners = {}): Promise<Bytes> =>
      bytesAt(connection, blobAt(sha256), manners),

    /** Whether the master has a blob that this client uploaded: then it need not be uploaded again. */
    async hasBlob(sha256: string, manners: Manners = {}): Promise<boolean> {
      try {
        const { body } = await open({ method: 'HEAD', path: blobAt(sha256), ...manners })
        body.resume()
        return true
      } catch (error) {
        // The reply to a HEAD has no document that names the problem.
        if (error instanceof ProblemError && error.status === 404) return false
        throw error
      }
    },

    /** The files that a task left, in order of their names. */
    async taskFiles(id: string, manners: Manners = {}): Promise<TaskFile[]> {
      const said = { method: 'GET', path: filesAt(id), ...manners } as const
      return (await json<{ files: TaskFile[] }>(said)).value.files
    },

    /** One of them; `name` is its path in the folder of the run. */
    taskFile: (id: string, name: string, manners: Manners = {}): Promise<Bytes> =>
      bytesAt(
        connection,
        `${filesAt(id)}/${name.split('/').map(encodeURIComponent).join('/')}`,
        manners,
      ),
  }
}
