// What happens with the outputs of a run that has ended: they are uploaded, or kept for peers, as the offer
// says. An outcome is delivered after its files, so the files of a run that ended are kept on disk with it.
//
//   found --hashed--> kept (kept-outputs.ts) --uploaded--> in the outcome --acknowledged--> removed

import { join } from 'node:path'
import { readSteady } from '../../shared/process/unchanged-file.ts'
import type { Callback, Offer, Outcome, OutputFile } from '../../shared/protocol/wire.ts'
import type { RunEnded } from '../executor/executors.ts'
import type { KeptOutcome, KeptOutputs } from './kept-outputs.ts'
import { compareBytes, findOutputs, hashOfOutput, plainOutputs } from './outputs.ts'
import type { Partitions } from './partitions.ts'
import type { RunFolder } from './run-folder.ts'
import { inParallel } from './transfer.ts'
import type { HashedFile, Upload } from './upload.ts'

export type Delivery = ReturnType<typeof createDelivery>

export function createDelivery(given: {
  kept: KeptOutputs
  partitions: Partitions
  upload: Upload
}) {
  const { kept, partitions, upload } = given
  const loaded = kept.load()
  const closing = new AbortController()

  return {
    /**
     * Delivers the outputs of a run; gives its outcome, which lists them. Repeats it until the master has
     * them. Rejects with NotAFileError, MissingOutputError or TaskFailure, or when aborted.
     */
    async deliver(
      run: RunFolder,
      offer: Offer,
      ended: RunEnded,
      signal: AbortSignal,
    ): Promise<RunEnded> {
      const { outcome } = ended
      if (!hasOutputs(outcome)) return ended
      if (offer.keep === 'slave') {
        const names = await plainOutputs(run.out)
        if (names.length === 0) return ended
        return withFiles(ended, await partitions.keep(run.out, offer, names))
      }
      const found = await outputsOf(run, offer, outcome.status === 'failed')
      if (found.length === 0) return ended
      const files = await inParallel(found, hashed)
      const callback: Callback = { ...ended, task: offer.task, ...traceOf(offer) }
      try {
        const placed = await kept.keep(callback, run.folder, files)
        await inParallel(placed, (file) => upload(file, signal))
      } catch (error) {
        await kept.drop([offer.attempt])
        throw error
      }
      return withFiles(ended, files.map(entryOf))
    },

    /** Outcomes that an earlier run of the agent did not deliver. */
    unfinished: (): Callback[] => loaded.map(({ callback }) => callback),

    /** Uploads the files of such an outcome; gives its callback. Rejects when closed. */
    async finish(attempt: string): Promise<Callback> {
      const unfinished = loaded.find(({ callback }) => callback.attempt === attempt)
      if (!unfinished) throw new Error(`nothing was kept of attempt ${attempt}`)
      try {
        return await uploadAgain(unfinished)
      } catch (error) {
        closing.signal.throwIfAborted()
        const message = `the files of its output were lost when its slave was restarted: ${(error as Error).message}`
        return {
          ...unfinished.callback,
          outcome: { status: 'failed', type: 'slave-lost', message },
        }
      }
    },

    /** These outcomes are acknowledged. */
    settled: (attempts: readonly string[]): Promise<void> => kept.drop(attempts),

    close: (): void => closing.abort(),
  }

  async function uploadAgain({ callback, files }: KeptOutcome): Promise<Callback> {
    await inParallel(files, async (file) => {
      const { sha256 } = await hashOfOutput(file.root, file.name)
      if (sha256 !== file.sha256) throw new Error(`${file.name} is not whole`)
      await upload(file, closing.signal)
    })
    return withFiles(callback, files.map(entryOf))
  }
}

/** A program that failed may have left something all the same. */
const hasOutputs = (outcome: Outcome): boolean =>
  outcome.status === 'done' || outcome.type === 'exit-code'

type Place = { root: string; name: string }

async function outputsOf(run: RunFolder, offer: Offer, lenient: boolean): Promise<Place[]> {
  const { outputs = [], keep } = offer
  const inFolder = (name: string): Place => ({ root: run.out, name })
  if (keep === 'master') return (await plainOutputs(run.out)).map(inFolder)
  // What a program printed is beside its folder, and counts for more than a file of that name.
  const isStream = (name: string): boolean => run.streams.some((each) => each === name)
  const wanted = outputs.filter((name) => !isStream(name))
  const found = await findOutputs(run.out, wanted, { lenient })
  const printed = run.streams.map((name) => ({ root: run.folder, name }))
  const places = [...found.filter((name) => !isStream(name)).map(inFolder), ...printed]
  return places.sort((a, b) => compareBytes(a.name, b.name))
}

async function hashed({ root, name }: Place): Promise<HashedFile> {
  const facts = await readSteady(join(root, name), name, () => hashOfOutput(root, name))
  return { root, name, ...facts }
}

const entryOf = ({ name, bytes, sha256 }: HashedFile): OutputFile => ({ name, bytes, sha256 })

function withFiles<T extends { outcome: Outcome }>(ended: T, files: OutputFile[]): T {
  return { ...ended, outcome: { ...ended.outcome, files } }
}

const traceOf = ({ traceparent }: Offer) => (traceparent === undefined ? {} : { traceparent })
