// A kind: what a task does. One file in kinds/, or one folder with a kind.ts, is all it takes:
// from it come the request's schema and its 400s, the slave's list of abilities and a contract
// test. A file may hold several kinds, of its own name and of names under it (`image-filter.sepia`
// in `image-filter`), and a job kind (job-kind.ts). Must not know master or slave.

import { readdir } from 'node:fs/promises'
import type { TSchema } from 'typebox'
import type { FailureType } from '../protocol/wire.ts'
import type { JobKind } from './job-kind.ts'

/** What a run gives: JSON, and what it stands for where JSON alone does not say it. */
export type Result = { result: unknown; resultType?: string; resultText?: string }

/** The files of a run, in a folder of its own that is removed afterwards. */
export type Work = {
  /** Paths of the files that came with the task, by name. To be read only. */
  files: Record<string, string>
  /** An empty folder: what a run writes here, under plain names, are its output files. */
  out: string
  /** The slave's own folder of files (`--files`), the same on every slave; null when it has none. */
  shared: string | null
}

export type Kind<Input = never> = {
  /** One word for people and wire: the file's or folder's name, or that, a dot, and one more. */
  name: string
  /** One sentence for people. */
  summary: string
  /** Of the task's input. Objects in it are strict: unknown fields are refused. */
  input: TSchema
  /** Of `result`. */
  output: TSchema
  /** Its input's fields may stand at the top of `POST /tasks` in place of `kind` and `input`. */
  shorthand?: boolean
  /**
   * It reads or writes files or uses a native library: it runs in executors of its own, which may
   * do that and share nothing with those of other kinds. It cannot be asked for by `POST /tasks`
   * alone when it needs files that only a job gives it.
   */
  files?: boolean
  /** Peers fetch what it gives: only slaves that can be reached offer it. */
  peers?: boolean
  /**
   * Imports libraries that are too heavy for the top of the module. Called once when an executor
   * starts; after that an executor loads no modules but built-in ones that only compute.
   */
  load?(): Promise<void>
  /**
   * Gives the result of one input. Runs in an executor, alone, after load() and the first example
   * (of a kind without files): what they import is there. Throws TaskFailure for a failure with a type; anything else it throws is `evaluation`.
   */
  run(input: Input, work: Work): Result | Promise<Result>
  /**
   * The one field of its result that may stand for all of it, where a simple slave hands in a number by
   * itself: `7` for `{"words": 7}`.
   */
  bare?: string
  /** Each is run by the contract test; the first also when an executor starts, to be warm. */
  examples: { input: unknown; output: Result }[]
}

/** A failure of a task, which is data: it ends the task or the attempt and nothing else. */
export class TaskFailure extends Error {
  readonly type: FailureType
  constructor(type: FailureType, message: string) {
    super(message)
    this.name = 'TaskFailure'
    this.type = type
  }
}

const KINDS = new URL('./', import.meta.url)

type Module = { kind?: Kind; kinds?: Kind[]; job?: JobKind }

/** The names of all kinds that a slave can offer. */
export async function kindNames(): Promise<string[]> {
  return [...(await loadKinds()).keys()]
}

/** Imports the kinds of these names; all there are when none is given. Keyed by name. */
export async function loadKinds(names?: string[]): Promise<Map<string, Kind>> {
  const files = await moduleNames()
  const wanted = names?.length ? [...new Set(names.map(moduleOf))] : files
  const loaded = await Promise.all(wanted.filter((file) => files.includes(file)).map(kindsIn))
  const kinds = new Map(loaded.flat().map((kind) => [kind.name, kind]))
  const missing = names?.find((name) => !kinds.has(name))
  if (missing !== undefined) {
    const all = (await Promise.all(files.map(kindsIn))).flat().map(({ name }) => name)
    throw new Error(`there is no kind "${missing}"; there are: ${all.sort().join(', ')}`)
  }
  return names?.length ? new Map([...kinds].filter(([name]) => names.includes(name))) : kinds
}

/** Imports all job kinds there are, by name. */
export async function loadJobKinds(): Promise<Map<string, JobKind>> {
  const modules = await Promise.all((await moduleNames()).map(importModule))
  const jobs = modules.flatMap(({ job }) => (job ? [job] : []))
  return new Map(jobs.map((job) => [job.name, job]))
}

/** Files of this folder that define what a kind is. All others are kinds. */
const DEFINITIONS = ['kind', 'job-kind']

/** One module per file or folder of kinds/. */
async function moduleNames(): Promise<string[]> {
  const entries = await readdir(KINDS)
  const names = entries.map((entry) => entry.replace(/\.ts$/, ''))
  return names.filter((name) => !DEFINITIONS.includes(name) && !name.endsWith('.md')).sort()
}

const moduleOf = (kind: string): string => kind.split('.', 1)[0] as string

async function importModule(name: string): Promise<Module> {
  const folder = (await readdir(KINDS)).includes(name)
  const file = new URL(folder ? `${name}/kind.ts` : `${name}.ts`, KINDS)
  return (await import(file.href)) as Module
}

async function kindsIn(name: string): Promise<Kind[]> {
  const { kind, kinds = [], job } = await importModule(name)
  const all = [...(kind ? [kind] : []), ...kinds]
  if (all.length === 0 || all.some((each) => moduleOf(each.name) !== name)) {
    throw new Error(`kinds/${name} must export kinds of that name, or of names under it`)
  }
  if (job && job.name !== name) throw new Error(`the job kind in kinds/${name} must have its name`)
  return all
}
