// The process behind `askfirst`: finds the command, runs it, and ends with the code that says how it
// went.

import { useCompileCache } from '../../shared/process/compile-cache.ts'

useCompileCache()
const { ProblemError, UnreachableError } = await import('../../shared/client/client.ts')
const { isMisaddressed } = await import('../../shared/http/peer.ts')
const { noRoomOf } = await import('../../shared/process/usage-error.ts')
const { EXIT, exitOf } = await import('./exit-codes.ts')
const { writeLines } = await import('./output.ts')
const { createProgram } = await import('./program.ts')
const { refusalInWords } = await import('./words.ts')

/** A reader that went away (`| head`) is no mistake; a shell says 128 + SIGPIPE. */
const EXIT_NO_READER = 141

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT_NO_READER : EXIT.internal[0])
})

const stopping = new AbortController()
const { stdout, stderr, env } = process
const program = createProgram({ stdout, stderr, env, signal: stopping.signal })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) {
  process.on(signal, () => {
    if (!stopping.signal.aborted) stopping.abort()
    else if (!program.stopAtOnce()) process.exit(EXIT.stopped[0])
  })
}

const exit = await program.run(process.argv.slice(2)).catch((thrown: unknown) => {
  const error = noRoomOf(thrown) ?? thrown
  tell(error)
  return stopping.signal.aborted ? 'stopped' : exitOf(error)
})
process.exitCode = typeof exit === 'number' ? exit : EXIT[exit][0]
// What is on its way to a pipe is written before the end; nothing else may hold it up.
process.stdout.write('', () => process.exit())

/** An error in words; as it came, where it is an internal error. */
function tell(error: unknown): void {
  const { message, stack, name } = error as Error
  if (stopping.signal.aborted && name === 'AbortError') return
  const say = ([first, ...more]: string[]): void =>
    void writeLines(process.stderr, [`askfirst: ${first}`, ...more])
  if (error instanceof ProblemError) say(refusalInWords(error))
  else if (error instanceof UnreachableError) {
    if (isMisaddressed(error.reason)) say([message])
    else say([message, '(is it running there? --url or ASKFIRST_URL names another)'])
  } else say(exitOf(error) === 'internal' ? (stack ?? message).split('\n') : [message])
}
