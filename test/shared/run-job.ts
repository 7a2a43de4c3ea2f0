// Runs a whole job in this process, part by part, as master and slaves would: for contract tests of
// job kinds. Parts of a stage run in a shuffled order, since none may count on another.

import { createHash } from 'node:crypto'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Random } from '../../shared/data/random.ts'
import { createCheck } from '../../shared/http/validate.ts'
import type { JobKind, JobResult, JobSoFar, Part, PartDone } from '../../shared/kinds/job-kind.ts'
import { stepsOf } from '../../shared/kinds/job-kind.ts'
import type { Kind } from '../../shared/kinds/kind.ts'

type Made = PartDone & { folder: string }

export type JobRun = JobResult & {
  /** The bytes of the result's file, when it is one. */
  bytes: Buffer | null
  /** How many parts each stage had. */
  counts: number[]
}

/** `blobs`: what was uploaded, by SHA-256. `shared`: the slaves' own folder. */
export async function runJob(given: {
  job: JobKind
  kinds: Map<string, Kind>
  input: unknown
  parts: number | null
  slots?: number
  /** Default: true. */
  together?: boolean
  blobs?: Map<string, Buffer | string>
  shared?: string | null
  random: Random
}): Promise<JobRun> {
  const { job, input, parts, slots = 2, together = true, shared = null, random } = given
  const folder = mkdtempSync(join(tmpdir(), 'askfirst-job-'))
  const blobs = new Map(given.blobs ?? [])
  const stages: Made[][] = []
  try {
    createCheck(job.input).checked(input)
    const mistakes = job.mistakes?.(input as never) ?? []
    if (mistakes.length > 0) throw new Error(JSON.stringify(mistakes))
    for (const stage of job.stages) {
      const planned = stage.parts(soFar() as JobSoFar<never>)
      const made: Made[] = []
      for (const i of random.shuffle([...planned.keys()])) made[i] = await run(planned[i] as Part)
      stages.push(made)
    }
    const steps = stepsOf(job.combine(soFar() as JobSoFar<never>))
    let step = steps.next()
    while (!step.done) step = steps.next()
    const result = step.value
    createCheck(job.output).checked(result.result)
    const bytes = result.file
      ? Buffer.concat(result.file.blobs.map((sha) => bytesOf(blobs.get(sha))))
      : null
    return { ...result, bytes, counts: stages.map((made) => made.length) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }

  function soFar(): JobSoFar<unknown> {
    const done = stages.map((made) => made.map(({ folder: _, ...part }) => part))
    // What crosses the wire and the store is JSON.
    const all = { input, parts, slots, slaves: 2, together, runLimitMs: 600_000, done }
    return JSON.parse(JSON.stringify(all)) as JobSoFar<unknown>
  }

  async function run(part: Part): Promise<Made> {
    const kind = given.kinds.get(part.kind)
    if (!kind) throw new Error(`there is no kind ${part.kind}`)
    createCheck(kind.input).checked(part.input)
    const own = mkdtempSync(join(folder, 'part-'))
    const out = join(own, 'out')
    mkdirSync(out)
    const files: Record<string, string> = {}
    for (const file of part.files ?? []) {
      const path = join(own, file.name)
      const from = 'blob' in file ? (blobs.get(file.blob) ?? missing(file.blob)) : made(file)
      if (typeof from === 'string') copyFileSync(from, path)
      else copyFileSync(saved(from), path)
      files[file.name] = path
    }
    const run = kind.run as (input: unknown, work: object) => Promise<PartDone>
    const done = await run(JSON.parse(JSON.stringify(part.input)), { files, out, shared })
    createCheck(kind.output).checked(done.result)
    const outputs = readdirSync(out).sort()
    if (outputs.length > 0 && !part.keep)
      throw new Error(`${part.kind} wrote files; keep is not said`)
    const listed = outputs.map((name) => {
      const bytes = readFileSync(join(out, name))
      const sha256 = shaOf(bytes)
      if (part.keep === 'master') blobs.set(sha256, bytes)
      return { name, bytes: bytes.length, ...(part.keep === 'master' ? { sha256 } : {}) }
    })
    return { ...done, files: listed, slave: 'slave-1', folder: out }
  }

  function made({ stage, part, file }: { stage: number; part: number; file: string }): string {
    const one = stages[stage]?.[part]
    if (!one?.files.some(({ name }) => name === file)) missing(`${stage}/${part}/${file}`)
    return join((one as Made).folder, file)
  }

  function saved(bytes: Buffer): string {
    const path = join(folder, shaOf(bytes))
    writeFileSync(path, bytes)
    return path
  }
}

const bytesOf = (blob: Buffer | string | undefined): Buffer =>
  typeof blob === 'string' ? readFileSync(blob) : (blob ?? missing('a blob of the result'))

const shaOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

function missing(what: string): never {
  throw new Error(`${what} is not there`)
}
