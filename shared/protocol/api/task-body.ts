// The bodies by which a client submits tasks. A body is valid in three forms: `kind` and `input`; the
// fields of the input alone, for a kind with a shorthand; and `kind` and any input, for a kind that only
// the slaves know.

import type { Static, TSchema } from 'typebox'
import { Type } from 'typebox'
import type { AboutKind, Loaded } from '../contract.ts'
import { FilePath, Name, Sha256, Variables } from '../wire.ts'
import { PRIORITY, STRICT, TAGS, Tag } from './fields.ts'

/** A year, in milliseconds. */
const WAIT_LIMIT_MS_MAX = 31_536_000_000
/** Input files of one task. */
const FILES_MAX = 10_000

/** Which slaves may run a task. */
export const Needs = Type.Object(
  {
    slaveTags: Type.Optional(
      Type.Array(Tag, { ...TAGS, description: 'tags that the slave must have, all of them' }),
    ),
    slave: Type.Optional(
      Type.String({ ...Name, description: 'the name of the only slave for it' }),
    ),
  },
  { ...STRICT, description: 'what the task needs of the slave that runs it' },
)
export type Needs = Static<typeof Needs>

/** What a client may say of any task. */
export const TASK_OPTIONS = {
  queue: Type.Optional(
    Type.Boolean({ description: 'queue the task when no slave is available; default false' }),
  ),
  priority: Type.Optional(
    Type.Integer({ ...PRIORITY, description: 'higher priorities are served first' }),
  ),
  runLimitMs: Type.Optional(
    Type.Integer({ minimum: 1, description: 'run limit, in milliseconds' }),
  ),
  waitLimitMs: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: WAIT_LIMIT_MS_MAX,
      description: 'maximum time in the queue, in milliseconds; then the task expires',
    }),
  ),
  tags: Type.Optional(Type.Array(Tag, { ...TAGS, description: 'labels to find it by' })),
  needs: Type.Optional(Needs),
  files: Type.Optional(
    Type.Record(Type.String(), Type.Object({ sha256: Sha256 }, STRICT), {
      maxProperties: FILES_MAX,
      description: 'input files by path, each a blob of yours (PUT /blobs)',
    }),
  ),
  outputs: Type.Optional(
    Type.Array(FilePath, {
      maxItems: 1000,
      description: 'paths and patterns of the files that the run leaves: they become blobs',
    }),
  ),
  attemptsMax: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 100, description: 'how often the task is tried' }),
  ),
  retryOn: Type.Optional(
    Type.Array(Type.Integer({ minimum: 1, maximum: 4_294_967_295 }), {
      maxItems: 256,
      description: 'exit codes of its program after which the task is tried again',
    }),
  ),
}
export const TaskOptions = Type.Object(TASK_OPTIONS, STRICT)
export type TaskOptions = Static<typeof TaskOptions>

/** A task of any kind. */
export const NamedTask = Type.Object({ kind: Name, input: Type.Unknown(), ...TASK_OPTIONS }, STRICT)
export type NamedTask = Static<typeof NamedTask>

/** The body of a kind with a shorthand: the fields of its input, and the options. */
export function shortTask({ input, summary }: AboutKind): TSchema {
  const fields = Type.IsObject(input) ? input.properties : {}
  return Type.Object({ ...fields, ...TASK_OPTIONS }, { ...STRICT, description: summary })
}

/** Kinds that work on files have no example of a task that could be sent as it is. */
const submittable = ({ kinds }: Loaded): AboutKind[] => kinds.filter(({ files }) => !files)

/** What a client may give: of a program also secret variables, which are no part of the task's input. */
function inputOf({ input, program }: AboutKind): TSchema {
  if (program !== true || !Type.IsObject(input)) return input
  const secretEnv = Type.Optional({
    ...Variables,
    description: 'variables beside `env` that are stored and sent to the slave, and never shown',
  })
  return Type.Object({ ...input.properties, secretEnv }, STRICT)
}

/** All bodies of `POST /tasks`. Documentation only: the handler validates the matching form. */
export const taskBody = (loaded: Loaded): TSchema =>
  Type.Union<TSchema[]>([
    ...loaded.kinds.filter(({ shorthand }) => shorthand).map(shortTask),
    ...submittable(loaded).map((kind) =>
      Type.Object(
        { kind: Type.Literal(kind.name), input: inputOf(kind), ...TASK_OPTIONS },
        { ...STRICT, description: kind.summary },
      ),
    ),
    NamedTask,
  ])

export const taskExamples = (loaded: Loaded): Record<string, unknown> => ({
  'short form': { expression: '2 + 3 * sqrt(16)' },
  queued: { expression: '6 * 7', queue: true, priority: 1, tags: ['example'] },
  ...Object.fromEntries(
    submittable(loaded).flatMap(({ name, examples: [example] }) =>
      example === undefined ? [] : [[name, { kind: name, input: example.input }]],
    ),
  ),
})

export const batchBody = (loaded: Loaded): TSchema =>
  Type.Object(
    { tasks: Type.Array(taskBody(loaded), { minItems: 1, maxItems: loaded.batchTasksMax }) },
    STRICT,
  )
