// A kind: what a task does. One file in kinds/, or one folder with a kind.ts, is all it takes:
// from it come the request's schema and its 400s, the slave's list of abilities and a contract
// test. Must not know master or slave.

import { readdir } from 'node:fs/promises'
import type { TSchema } from 'typebox'
import type { FailureType } from './wire.ts'

/** What a run gives: JSON, and what it stands for where JSON alone does not say it. */
export type Result = { result: unknown; resultType?: string; resultText?: string }

export type Kind<Input = never> = {
  /** As in `POST /tasks {"kind": name}`; also the file's or folder's name. */
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
   * Gives the result of one input. Runs in an executor, alone. Heavy libraries are imported
   * inside. Throws TaskFailure for a failure with a type; anything else it throws is `evaluation`.
   */
  run(input: Input): Result | Promise<Result>
  /** Each is run by the contract test. */
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

const KINDS = new URL('./kinds/', import.meta.url)

/** The names of all kinds there are: one per file or folder of kinds/. */
export async function kindNames(): Promise<string[]> {
  const entries = await readdir(KINDS, { withFileTypes: true })
  return entries.map((entry) => entry.name.replace(/\.ts$/, '')).sort()
}

/** Imports one kind by name. Throws when there is none or when its file exports no such kind. */
export async function loadKind(name: string): Promise<Kind> {
  const names = await kindNames()
  if (!names.includes(name)) {
    throw new Error(`there is no kind "${name}"; there are: ${names.join(', ')}`)
  }
  const folder = await readdir(KINDS).then((entries) => entries.includes(name))
  const file = new URL(folder ? `${name}/kind.ts` : `${name}.ts`, KINDS)
  const { kind } = (await import(file.href)) as { kind?: Kind }
  if (kind?.name !== name) throw new Error(`kinds/${name} must export a kind of that name`)
  return kind
}

/** Imports the kinds of these names; all there are when none is given. Keyed by name. */
export async function loadKinds(names?: string[]): Promise<Map<string, Kind>> {
  const wanted = names?.length ? names : await kindNames()
  const kinds = await Promise.all(wanted.map(loadKind))
  return new Map(kinds.map((kind) => [kind.name, kind]))
}
