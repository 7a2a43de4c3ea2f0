// Text that a person hands over in a file or a pipe: UTF-8, strictly. What is not would be counted,
// or computed, as something else than it says.

import { closeSync, openSync, readFileSync } from 'node:fs'
import { UsageError } from '../../../shared/process/usage-error.ts'

/** Standard input. */
const STDIN = '-'

/** The text of a file, without its byte order mark; `-` is standard input. Throws UsageError. */
export function readText(file: string): string {
  const fd = file === STDIN ? 0 : openSync(file, 'r')
  try {
    const decoder = createDecoder(file)
    return decoder.decode(readFileSync(fd)) + decoder.end()
  } finally {
    if (fd !== 0) closeSync(fd)
  }
}

/** Decodes bytes as they come. Throws UsageError, with the encoding that was expected. */
export function createDecoder(file: string) {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let isFirst = true

  function decode(bytes: Uint8Array | undefined): string {
    const head = isFirst && bytes ? Buffer.from(bytes.subarray(0, 2)).toString('hex') : ''
    if (bytes?.length) isFirst = false
    if (head === 'fffe' || head === 'feff') throw notUtf8(file, 'UTF-16')
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode()
    } catch {
      throw notUtf8(file, 'ISO-8859-1')
    }
  }

  return { decode, end: () => decode(undefined) }
}

function notUtf8(file: string, likely: string): UsageError {
  const name = file === STDIN ? 'standard input' : file
  const given = file === STDIN ? '' : ` ${file}`
  return new UsageError(
    `${name} is not UTF-8 text: it must be UTF-8. Convert it first, such as with ` +
      `iconv -f ${likely} -t UTF-8${given} (if ${likely} is its encoding)`,
  )
}
