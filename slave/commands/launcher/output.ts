// One stream that a program prints to: its end is kept, and all of it goes to a file when wanted.

import { createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { createTail } from './tail.ts'

export type Output = ReturnType<typeof readOutput>

/** Reads until the stream ends. `file`: where all of it goes. `onError`: the file cannot be written. */
export function readOutput(given: {
  stream: Readable
  file: string | null
  tailBytesMax: number
  onError: (error: Error) => void
}) {
  const { stream } = given
  const tail = createTail(given.tailBytesMax)
  const file = given.file === null ? null : createWriteStream(given.file, { mode: 0o600 })
  file?.on('error', given.onError)
  file?.on('drain', () => stream.resume())
  stream.on('error', () => {})
  stream.on('data', (part: Buffer) => {
    tail.push(part)
    if (file?.write(part) === false) stream.pause()
  })
  const ended = new Promise<void>((resolve) => stream.once('close', resolve))

  return {
    tail,
    /** Resolves when every process has closed the stream and all of it is read. */
    ended,
    /** Reads no more; resolves when the file is written. */
    async close(): Promise<void> {
      stream.destroy()
      if (!file || file.destroyed) return
      file.end()
      await finished(file).catch(() => {})
    },
  }
}
