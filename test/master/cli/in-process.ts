// The command line in this process: what it writes, and how it ends.

import { Writable } from 'node:stream'
import type { Exit } from '../../../master/cli/exit-codes.ts'
import { createProgram } from '../../../master/cli/program.ts'

export type Ended = {
  /** What it wrote to standard output, to standard error, and to both in order. */
  stdout: string
  stderr: string
  text: string
  exit?: Exit | number
  error?: Error
}

/** Runs it as main.ts does. `isTTY`: into a terminal. It is stopped after `stopMs`. */
export async function runProgram(
  argv: string[],
  given: {
    url?: string
    isTTY?: boolean
    stopMs?: number
    env?: Record<string, string>
    /** Gets what the first Ctrl-C does, and the second. */
    onStart?: (interrupt: () => void, again: () => void) => void
  } = {},
): Promise<Ended> {
  const said = { stdout: '', stderr: '', text: '' }
  const streamTo = (name: 'stdout' | 'stderr') => {
    const sink = new Writable({
      decodeStrings: false,
      write(chunk: string | Buffer, _encoding, done) {
        said[name] += chunk.toString()
        said.text += chunk.toString()
        done()
      },
    })
    // What cli-progress asks of a terminal.
    const terminal = {
      isTTY: given.isTTY ?? false,
      columns: 100,
      rows: 40,
      cursorTo() {},
      clearLine() {},
      moveCursor() {},
      clearScreenDown() {},
    }
    return Object.assign(sink, terminal) as unknown as NodeJS.WriteStream
  }
  const stopping = new AbortController()
  const timer =
    given.stopMs === undefined ? undefined : setTimeout(() => stopping.abort(), given.stopMs)
  const program = createProgram({
    stdout: streamTo('stdout'),
    stderr: streamTo('stderr'),
    env: { ...given.env, ...(given.url === undefined ? {} : { ASKFIRST_URL: given.url }) },
    signal: stopping.signal,
  })
  given.onStart?.(
    () => stopping.abort(),
    () => void program.stopAtOnce(),
  )
  try {
    const exit = await program.run(argv)
    return { ...said, exit }
  } catch (error) {
    return { ...said, error: error as Error }
  } finally {
    clearTimeout(timer)
  }
}
