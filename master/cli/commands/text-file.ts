// Reads the text and the JSON that a user gives in a file, a pipe or an option. Text must be UTF-8: bytes of
// another encoding would be counted, or computed, as other characters.

import { closeSync, openSync, readFileSync } from 'node:fs'
import { parseAsWritten } from '../../../shared/data/written-numbers.ts'
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

/** The value of a JSON text; numbers keep their text. `from`: where the text stands. Throws UsageError. */
export function parseJson(from: string, text: string): unknown {
  try {
    return parseAsWritten(text)
  } catch (error) {
    throw new UsageError(`${from} is not JSON: ${(error as Error).message}`)
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
