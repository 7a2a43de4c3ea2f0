// A file that is written front to back, through a buffer. It is made when the first byte goes into
// it, so what has nothing to say leaves no file.

import { closeSync, openSync, writeSync } from 'node:fs'

const BUFFER_BYTES = 128 * 1024
/** More than a number takes, in whatever form. */
const NUMBER_BYTES_MAX = 24
/** Longer words go past the buffer. */
const COPIED_MAX = BUFFER_BYTES / 2
const NO_BYTES = Buffer.alloc(0)

export type Writer = ReturnType<typeof createWriter>

export function createWriter(path: string) {
  let buffer = NO_BYTES
  // As if it were full, until there is one.
  let used = BUFFER_BYTES
  let file: number | null = null

  /** Bytes as they are. */
  function put(bytes: Uint8Array, from: number, to: number) {
    const length = to - from
    if (used + length > BUFFER_BYTES) flush()
    if (length > COPIED_MAX) {
      flush()
      writeAll(bytes.subarray(from, to))
      return
    }
    let at = used
    for (let i = from; i < to; i++) buffer[at++] = bytes[i]!
    used = at
  }

  function putByte(byte: number) {
    if (used === BUFFER_BYTES) flush()
    buffer[used++] = byte
  }

  /** A whole number from 0, in LEB128: seven bits a byte, low ones first, 128 added to all but the last. */
  function putNumber(number: number) {
    if (used + NUMBER_BYTES_MAX > BUFFER_BYTES) flush()
    let rest = number
    for (; rest >= 128; rest = Math.floor(rest / 128)) buffer[used++] = (rest % 128) + 128
    buffer[used++] = rest
  }

  /** A whole number from 0, in decimal digits. */
  function putDecimal(number: number) {
    if (used + NUMBER_BYTES_MAX > BUFFER_BYTES) flush()
    if (number < 10) buffer[used++] = 48 + number
    else used += buffer.write(String(number), used, 'latin1')
  }

  function flush() {
    if (buffer === NO_BYTES) buffer = Buffer.allocUnsafe(BUFFER_BYTES)
    else if (used > 0) writeAll(buffer.subarray(0, used))
    used = 0
  }

  function writeAll(bytes: Uint8Array) {
    file ??= openSync(path, 'w')
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
  }

  /** Makes the file even when it has no bytes. */
  function touch() {
    file ??= openSync(path, 'w')
  }

  function close() {
    if (buffer !== NO_BYTES) flush()
    if (file !== null) closeSync(file)
    file = null
  }

  return { put, putByte, putNumber, putDecimal, touch, close }
}
