// Executors for runs with files and for programs, beside those of the other runs. The files of such a run
// are fetched before it and delivered after it; the agent sees one run.
//
//   run() --> fetching --> in an executor --> delivering --> ended (onEnded, once)
//   kill(): aborted, wherever it is

import { join } from 'node:path'
import { Raw } from '../../shared/data/raw-json.ts'
import { createCheck } from '../../shared/http/validate.ts'
import { CommandInput } from '../../shared/kinds/command.ts'
import { TaskFailure } from '../../shared/kinds/kind.ts'
import type { FailureType, Offer, Outcome } from '../../shared/protocol/wire.ts'
import type { CommandExecutors, CommandRun } from '../commands/commands.ts'
import type { Executors, RunEnded } from '../executor/executors.ts'
import { MissingOutputError, NotAFileError } from './outputs.ts'
import type { RunFiles } from './run-files.ts'
import { MissingFileError } from './run-files.ts'
import type { RunFolder, Stream } from './run-folder.ts'

const COMMAND = 'command'
const isCommand = createCheck(CommandInput)

/** A run with files. */
type Order = {
  offer: Offer
  abort: AbortController
  folder: RunFolder | null
  stage: 'fetching' | 'running' | 'delivering'
}

type OnEnded = (ended: RunEnded[]) => void

/** `withFiles` is called when the first run that works on files is there. */
export function createFileRuns(given: {
  /** Kinds that work on files. */
  fileKinds: ReadonlySet<string>
  /** Run the other kinds. */
  plain: (onEnded: OnEnded) => Executors
  withFiles: (onEnded: OnEnded) => Executors
  /** Run programs; null where that is not allowed. */
  commands: ((onEnded: OnEnded) => CommandExecutors) | null
  runFiles: RunFiles
  onEnded: OnEnded
}): Executors<Offer> {
  const { runFiles, onEnded } = given
  const orders = new Map<string, Order>()
  const plain = given.plain(takeEnded)
  const commands = given.commands?.(takeEnded) ?? null
  let withFiles: Executors | undefined
  let closed = false

  return {
    run(offer) {
      if (isPlain(offer)) return plain.run(offer)
      const order: Order = { offer, abort: new AbortController(), folder: null, stage: 'fetching' }
      orders.set(offer.attempt, order)
      void prepare(order)
    },
    // It waits also while its files are fetched.
    waits(attempt) {
      const order = orders.get(attempt)
      if (!order) return plain.waits(attempt)
      if (order.stage !== 'running') return order.stage === 'fetching'
      return executorsOf(order.offer).waits(attempt)
    },
    kill(attempt) {
      const order = orders.get(attempt)
      if (!order) return plain.kill(attempt)
      orders.delete(attempt)
      order.abort.abort()
      void end(order)
    },
    async close() {
      closed = true
      for (const { abort } of orders.values()) abort.abort()
      orders.clear()
      await Promise.all([plain.close(), withFiles?.close(), commands?.close()])
      await runFiles.close()
    },
  }

  function isPlain({ kind, files = [], outputs = [] }: Offer): boolean {
    return (
      kind !== COMMAND && !given.fileKinds.has(kind) && files.length === 0 && outputs.length === 0
    )
  }

  function executorsOf({ kind }: Offer) {
    if (kind === COMMAND && commands) return commands
    if (!given.fileKinds.has(kind)) return plain
    return (withFiles ??= given.withFiles(takeEnded))
  }

  async function prepare(order: Order): Promise<void> {
    const { offer, abort } = order
    const { attempt } = offer
    const layout = offer.kind === COMMAND ? 'program' : 'kind'
    try {
      order.folder = await runFiles.open(offer, layout, abort.signal)
    } catch (error) {
      return finish(order, { attempt, outcome: failureOf(error), ranMs: 0 })
    }
    if (!orders.has(attempt) || closed) return discard(order)
    order.stage = 'running'
    start(order, order.folder)
  }

  function start(order: Order, folder: RunFolder): void {
    const { offer } = order
    const { attempt, kind, input, runLimitMs } = offer
    if (kind !== COMMAND || !commands) {
      const { files, out } = folder
      const work = given.fileKinds.has(kind)
        ? { work: { files, out, shared: runFiles.shared } }
        : {}
      return executorsOf(offer).run({ attempt, kind, input, runLimitMs, ...work })
    }
    const command = input instanceof Raw ? input.value : input
    if (isCommand.fits(command)) return commands.run(commandRunOf(offer, command, folder))
    const message = isCommand
      .mistakes(command)
      .map(({ field, rule }) => `${field} ${rule}`)
      .join('; ')
    finish(order, {
      attempt,
      outcome: { status: 'failed', type: 'rejected-input', message },
      ranMs: 0,
    })
  }

  function takeEnded(ended: RunEnded[]): void {
    if (orders.size === 0) return onEnded(ended)
    const others = ended.filter(({ attempt }) => !orders.has(attempt))
    if (others.length > 0) onEnded(others)
    for (const each of ended) {
      const order = orders.get(each.attempt)
      if (order) void deliver(order, each)
    }
  }

  async function deliver(order: Order, ended: RunEnded): Promise<void> {
    order.stage = 'delivering'
    if (!order.folder) return finish(order, ended)
    try {
      const { signal } = order.abort
      finish(order, await runFiles.delivery.deliver(order.folder, order.offer, ended, signal))
    } catch (error) {
      // Why the run failed says more than why what it left could not be delivered.
      const { outcome } = ended
      finish(order, outcome.status === 'failed' ? ended : { ...ended, outcome: failureOf(error) })
    }
  }

  function finish(order: Order, ended: RunEnded): void {
    discard(order)
    if (!orders.delete(ended.attempt) || closed) return
    onEnded([ended])
  }

  /** Its folder stays until no process is left that could write into it. */
  async function end(order: Order): Promise<void> {
    const { attempt, kind } = order.offer
    if (order.stage === 'running') {
      if (kind === COMMAND && commands) await commands.kill(attempt)
      else executorsOf(order.offer).kill(attempt)
    }
    discard(order)
  }

  function discard({ folder }: Order): void {
    if (folder && !closed) void runFiles.discard(folder)
  }
}

function commandRunOf(
  offer: Offer,
  input: CommandInput,
  { folder, out, streams }: RunFolder,
): CommandRun {
  const { attempt, task, kind, runLimitMs, secretEnv = {} } = offer
  const pathOf = (name: Stream) => (streams.includes(name) ? join(folder, name) : null)
  return {
    attempt,
    task,
    kind,
    input,
    runLimitMs,
    secretEnv,
    folder: out,
    streams: { stdout: pathOf('stdout'), stderr: pathOf('stderr') },
  }
}

function failureOf(error: unknown): Outcome {
  const { message } = error as Error
  const failed = (type: FailureType): Outcome & { status: 'failed' } => ({
    status: 'failed',
    type,
    message,
  })
  if (error instanceof MissingFileError) return { ...failed('missing-file'), missing: error.names }
  if (error instanceof MissingOutputError) return failed('missing-output')
  if (error instanceof NotAFileError) return failed('invalid-result')
  if (error instanceof TaskFailure) return failed(error.type)
  return { status: 'failed', type: 'executor-crashed', message: `its files failed: ${message}` }
}
