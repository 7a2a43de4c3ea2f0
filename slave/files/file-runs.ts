// Executors for kinds that work on files, beside those of the other kinds. The files of such a run are
// fetched before it and delivered after it; the agent sees one run.
//
//   run() --> fetching --> in an executor --> delivering --> ended (onEnded, once)
//   kill(): aborted, wherever it is

import { Raw } from '../../shared/data/raw-json.ts'
import type { CommandInput } from '../../shared/kinds/command.ts'
import { TaskFailure } from '../../shared/kinds/kind.ts'
import type { Offer, Outcome, OutputFile } from '../../shared/protocol/wire.ts'
import type { CommandExecutors } from '../commands/commands.ts'
import type { Executors, Run, RunEnded } from '../executor/executors.ts'
import { MissingFileError } from './fetch.ts'
import type { RunFiles, RunFolder } from './run-files.ts'
import { NotAFileError } from './run-files.ts'

/** A run that works on files. */
type Order = { offer: Offer; abort: AbortController; folder: RunFolder | null }

/** `plain` runs the other kinds; `withFiles` is called when the first run that works on files is there. */
export function createFileRuns(given: {
  /** Kinds that work on files. */
  fileKinds: ReadonlySet<string>
  plain: Executors
  withFiles: (onEnded: (ended: RunEnded[]) => void) => Executors
  /** Run programs; null where that is not allowed. */
  commands: ((onEnded: (ended: RunEnded[]) => void) => CommandExecutors) | null
  runFiles: RunFiles
  onEnded: (ended: RunEnded[]) => void
}): Executors<Offer> {
  const { runFiles, plain, onEnded } = given
  const orders = new Map<string, Order>()
  const commands = given.commands?.((ended) => {
    for (const each of ended) {
      const order = orders.get(each.attempt)
      if (order) finish(order, each)
    }
  })
  let withFiles: Executors | undefined
  let closed = false

  return {
    run(offer) {
      if (!given.fileKinds.has(offer.kind) && offer.kind !== 'command') return plain.run(offer)
      const order: Order = { offer, abort: new AbortController(), folder: null }
      orders.set(offer.attempt, order)
      void prepare(order)
    },
    // It waits also while its files are fetched.
    waits(attempt) {
      const order = orders.get(attempt)
      if (!order) return plain.waits(attempt)
      return order.folder === null || withFiles?.waits(attempt) || commands?.waits(attempt) || false
    },
    kill(attempt) {
      const order = orders.get(attempt)
      if (!order) return plain.kill(attempt)
      orders.delete(attempt)
      order.abort.abort()
      withFiles?.kill(attempt)
      void Promise.resolve(commands?.kill(attempt)).then(() => discard(order))
    },
    async close() {
      closed = true
      for (const { abort } of orders.values()) abort.abort()
      orders.clear()
      await Promise.all([plain.close(), withFiles?.close(), commands?.close()])
      await runFiles.close()
    },
  }

  async function prepare(order: Order): Promise<void> {
    const { attempt, kind, input, runLimitMs } = order.offer
    try {
      order.folder = await runFiles.open(order.offer, order.abort.signal)
    } catch (error) {
      return finish(order, { attempt, outcome: failureOf(error), ranMs: 0 })
    }
    if (!orders.has(attempt) || closed) return discard(order)
    const { files, out, shared } = order.folder
    if (kind === 'command' && commands) {
      const command = (input instanceof Raw ? input.value : input) as CommandInput
      const { task, secretEnv = {} } = order.offer
      const streams = { stdout: null, stderr: null }
      return commands.run({
        ...{ attempt, task, kind, input: command, runLimitMs },
        ...{ secretEnv, folder: out, streams },
      })
    }
    const run: Run = { attempt, kind, input, runLimitMs, work: { files, out, shared } }
    withFiles ??= given.withFiles((ended) => {
      for (const each of ended) void deliver(each)
    })
    withFiles.run(run)
  }

  async function deliver(ended: RunEnded): Promise<void> {
    const order = orders.get(ended.attempt)
    if (!order) return
    if (ended.outcome.status === 'failed' || !order.folder) return finish(order, ended)
    try {
      const files = await runFiles.deliver(order.folder, order.offer, order.abort.signal)
      finish(order, { ...ended, outcome: withOutputs(ended.outcome, files) })
    } catch (error) {
      finish(order, { ...ended, outcome: failureOf(error) })
    }
  }

  function finish(order: Order, ended: RunEnded): void {
    discard(order)
    if (!orders.delete(ended.attempt) || closed) return
    onEnded([ended])
  }

  function discard({ folder }: Order): void {
    if (folder && !closed) void runFiles.discard(folder)
  }
}

const withOutputs = (outcome: Outcome & { status: 'done' }, files: OutputFile[]): Outcome =>
  files.length === 0 ? outcome : { ...outcome, files }

function failureOf(error: unknown): Outcome {
  const { message } = error as Error
  if (error instanceof MissingFileError) {
    return { status: 'failed', type: 'missing-file', message, missing: error.names }
  }
  if (error instanceof NotAFileError) return { status: 'failed', type: 'invalid-result', message }
  if (error instanceof TaskFailure) return { status: 'failed', type: error.type, message }
  return { status: 'failed', type: 'executor-crashed', message: `its files failed: ${message}` }
}
