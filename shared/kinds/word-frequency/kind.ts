// How often each word occurs, in any number of files: a MapReduce with two shuffles, after which the
// result is sorted by frequency, and by word where that is equal.
//
//   stage      a part                                                  files it leaves
//   list       one slave looks at names and sizes in its folder        -
//   count      words of a range of files, counted, by group            r<group>, on the slave
//   group      fetches its group from all: exact counts, in order,     g<pass>, on the slave
//              and the distribution of their frequencies, as marks
//              (the master cuts the whole distribution evenly)
//   exchange   cuts a group's words at these places; not when the      s<piece>.<pass>, on the slave
//              result is so short that one part merges all groups
//   sort       fetches its piece from all and merges it                results.txt, on the master
//
// Words and their hash: words.ts. Files: records.ts. What parts are asked and give: inputs.ts.
// What the master decides: plan.ts.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { fileChanged } from '../../process/unchanged-file.ts'
import { Sha256 } from '../../protocol/wire.ts'
import type { JobKind, JobSoFar, Part, PartDone, PartFile } from '../job-kind.ts'
import type { Kind } from '../kind.ts'
import { TaskFailure } from '../kind.ts'
import { countPieces } from './count.ts'
import { exchangeFiles } from './exchange.ts'
import { FILES_MAX, listFiles, nameMistake } from './folder.ts'
import { groupFiles } from './group.ts'
import * as io from './inputs.ts'
import { changedFile, cutFiles, cutsOf, cutText, packBlobs } from './plan.ts'
import { sortFiles } from './sort.ts'

const strict = { additionalProperties: false }

const list: Kind<io.ListInput> = {
  name: 'word-frequency.list',
  summary: "Lists names and sizes of the files in the slaves' folder.",
  input: io.ListInput,
  output: io.ListOutput,
  files: true,
  run: ({ files }, { shared }) => ({ result: { files: listFiles(shared, files) } }),
  examples: [],
}

const count: Kind<io.CountInput> = {
  name: 'word-frequency.count',
  summary: 'Counts the words of ranges of files, divided into groups by their hash.',
  input: io.CountInput,
  output: io.CountOutput,
  files: true,
  peers: true,
  run: (input, work) => ({ result: countPieces(input, work) }),
  examples: [],
}

const group: Kind<object> = {
  name: 'word-frequency.group',
  summary: 'Adds up the word counts of one group and reports their distribution.',
  input: io.GroupInput,
  output: io.GroupOutput,
  files: true,
  peers: true,
  run: (_, work) => ({ result: groupFiles(work) }),
  examples: [],
}

const exchange: Kind<io.ExchangeInput> = {
  name: 'word-frequency.exchange',
  summary: 'Splits the words of one group into sublists, one per piece of the result.',
  input: io.ExchangeInput,
  output: io.ExchangeOutput,
  files: true,
  peers: true,
  run: (input, work) => ({ result: exchangeFiles(input, work) }),
  examples: [],
}

const sort: Kind<object> = {
  name: 'word-frequency.sort',
  summary: 'Merges the sublists of one piece of the result, in order of frequency.',
  input: io.SortInput,
  output: io.SortOutput,
  files: true,
  run: (_, work) => ({ result: sortFiles(work) }),
  examples: [],
}

export const kinds = [list, count, group, exchange, sort] as Kind[]

const JobInput = Type.Object(
  {
    files: Type.Optional(
      Type.Union([Type.Literal('all'), Type.Array(io.FileName)], {
        description: "names of files in the slaves' folder, or all",
      }),
    ),
    blobs: Type.Optional(
      Type.Array(
        Type.Object(
          {
            sha256: Sha256,
            name: Type.Optional(io.FileName),
            bytes: Type.Optional(Type.Integer({ minimum: 0 })),
          },
          strict,
        ),
        {
          minItems: 1,
          maxItems: FILES_MAX,
          description: 'instead of files: SHA-256 of uploaded files',
        },
      ),
    ),
    text: Type.Optional(Type.String({ description: 'in place of files' })),
    chunkBytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2 ** 40,
        description: 'approximate number of bytes that one part counts; chosen when not given',
      }),
    ),
  },
  strict,
)
type JobInput = Static<typeof JobInput>

const STAGE = { list: 0, count: 1, group: 2, exchange: 3, sort: 4 }

/** The result's file is the pieces of all parts of sort, one after the other. */
export const job: JobKind<JobInput> = {
  name: 'word-frequency',
  summary: 'Counts how often each word occurs in files, most frequent first.',
  input: JobInput,
  output: Type.Object({
    files: Type.Integer({ minimum: 0 }),
    bytes: Type.Integer({ minimum: 0 }),
    words: Type.Integer({ minimum: 0 }),
    distinctWords: Type.Integer({ minimum: 0 }),
    top: io.Top,
  }),
  mistakes,
  blobs: ({ blobs = [] }) => blobs.map(({ sha256 }) => sha256),
  needs: ({ files }) => (files === undefined ? kinds.slice(1) : kinds).map(({ name }) => name),
  stages: [
    { name: 'list', parts: listParts },
    { name: 'count', parts: countParts },
    { name: 'group', parts: groupParts },
    { name: 'exchange', parts: exchangeParts },
    { name: 'sort', parts: sortParts },
  ],
  combine,
  examples: [
    {
      input: { text: 'to be or not to be,\nthat is the question: to be!' },
      output: {
        files: 1,
        bytes: 48,
        words: 12,
        distinctWords: 10,
        top: [
          { word: 'to', count: 3 },
          { word: 'be', count: 1 },
          { word: 'be!', count: 1 },
          { word: 'be,', count: 1 },
          { word: 'is', count: 1 },
          { word: 'not', count: 1 },
          { word: 'or', count: 1 },
          { word: 'question:', count: 1 },
          { word: 'that', count: 1 },
          { word: 'the', count: 1 },
        ],
      },
    },
    {
      input: { text: ' \n' },
      output: { files: 1, bytes: 2, words: 0, distinctWords: 0, top: [] },
    },
  ],
}

function mistakes({ files, blobs, text }: JobInput) {
  if ([files, blobs, text].filter((given) => given !== undefined).length !== 1) {
    return [{ field: 'input', rule: 'must have exactly one of files, blobs and text' }]
  }
  if (files === undefined || files === 'all') return []
  if (files.length < 1 || files.length > FILES_MAX) {
    return [{ field: 'input.files', rule: `must name 1 to ${FILES_MAX} files` }]
  }
  const seen = new Set<string>()
  return files.flatMap((name, i) => {
    const rule = seen.has(name) ? 'must not name a file twice' : nameMistake(name)
    seen.add(name)
    return rule === null ? [] : [{ field: `input.files.${i}`, rule }]
  })
}

type Job = JobSoFar<JobInput>

/** Outcomes of a stage before. */
const doneOf = ({ done }: Job, stage: keyof typeof STAGE): PartDone[] => done[STAGE[stage]] ?? []

const resultsOf = <T>(job: Job, stage: keyof typeof STAGE): T[] =>
  doneOf(job, stage).map(({ result }) => result as T)

function listParts({ input: { files } }: Job): Part[] {
  return files === undefined ? [] : [{ kind: list.name, input: { files } }]
}

/** Parts read ranges of one file at different times: they must have read the same version. */
function checkUnchanged(job: Job): void {
  const changed = changedFile(resultsOf<io.CountOutput>(job, 'count'))
  if (changed !== null) throw fileChanged(changed)
}

/** How many groups words are divided into. */
const groupsOf = ({ parts, slots }: Job): number =>
  Math.max(1, Math.min(io.GROUPS_MAX, parts ?? slots))

function countParts(job: Job): Part[] {
  const { text, blobs, chunkBytes } = job.input
  const groups = groupsOf(job)
  const part = (pieces: io.Piece[], files: PartFile[] = []): Part => ({
    kind: count.name,
    input: { groups, pieces },
    files,
    keep: 'slave',
  })
  if (text !== undefined) return cutText(text).map((text) => part([{ text }]))
  if (blobs) {
    return packBlobs(blobs, chunkBytes).map((packed) =>
      part(
        packed.map(({ sha256: _, ...known }, i) => ({ file: `b${i}`, ...known })),
        packed.map(({ sha256 }, i) => ({ name: `b${i}`, blob: sha256 })),
      ),
    )
  }
  const [listed] = resultsOf<io.ListOutput>(job, 'list')
  return cutFiles(listed?.files ?? [], job.slots, chunkBytes).map((pieces) => part(pieces))
}

function groupParts(job: Job): Part[] {
  checkUnchanged(job)
  const made = doneOf(job, 'count').map(({ files }) => new Set(files.map(({ name }) => name)))
  return Array.from({ length: groupsOf(job) }, (_, k) => ({
    kind: group.name,
    input: {},
    files: made.flatMap((names, part) =>
      names.has(`r${k}`) ? [{ name: `r${part}`, stage: STAGE.count, part, file: `r${k}` }] : [],
    ),
    keep: 'slave',
  }))
}

const cutsOfJob = (job: Job): io.Place[] =>
  cutsOf(resultsOf<io.GroupOutput>(job, 'group'), { parts: job.parts, groups: groupsOf(job) })

/** None when the result is not cut. Parts of group that had no words have nothing to exchange. */
function exchangeParts(job: Job): Part[] {
  const counted = resultsOf<io.CountOutput>(job, 'count')
  const grouped = resultsOf<io.GroupOutput>(job, 'group')
  if (sum(counted, 'words') !== sum(grouped, 'words')) {
    throw new TaskFailure(
      'evaluation',
      `${sum(counted, 'words')} words were counted, and ${sum(grouped, 'words')} arrived in groups`,
    )
  }
  const cuts = cutsOfJob(job)
  if (cuts.length === 0) return []
  return doneOf(job, 'group').flatMap(({ files }, part) =>
    files.length === 0
      ? []
      : [
          {
            kind: exchange.name,
            input: { cuts },
            files: files.map(({ name }) => ({ name, stage: STAGE.group, part, file: name })),
            keep: 'slave',
          } satisfies Part,
        ],
  )
}

function sortParts(job: Job): Part[] {
  const cuts = cutsOfJob(job)
  if (cuts.length === 0) return [wholePart(job)]
  const filesOf: PartFile[][] = Array.from({ length: cuts.length + 1 }, () => [])
  for (const [part, { files }] of doneOf(job, 'exchange').entries()) {
    for (const { name } of files) {
      const [piece, pass] = name.slice(1).split('.')
      const file = { name: `e${part}.${pass}`, stage: STAGE.exchange, part, file: name }
      filesOf[Number(piece)]!.push(file)
    }
  }
  return filesOf.map((files) => ({ kind: sort.name, input: {}, files, keep: 'master' }))
}

/** Merges all that group gave. */
function wholePart(job: Job): Part {
  const files = doneOf(job, 'group').flatMap(({ files }, part) =>
    files.map(({ name }) => ({ name: `${name}.${part}`, stage: STAGE.group, part, file: name })),
  )
  return { kind: sort.name, input: { whole: true }, files, keep: 'master' }
}

function combine(job: Job) {
  // Again: parts of count that ran again since, because their slave was lost, read the files anew.
  checkUnchanged(job)
  const sorted = resultsOf<io.SortOutput>(job, 'sort')
  const [listed] = resultsOf<io.ListOutput>(job, 'list')
  const counted = resultsOf<io.CountOutput>(job, 'count')
  const result = {
    files: listed?.files.length ?? job.input.blobs?.length ?? 1,
    bytes: sum(counted, 'bytes'),
    words: sum(counted, 'words'),
    distinctWords: sum(sorted, 'distinctWords'),
    top: sorted.flatMap(({ top }) => top).slice(0, io.TOP_MAX),
  }
  const blobs = doneOf(job, 'sort').map(({ files }) => files[0]!.sha256!)
  return {
    result,
    resultText: `${result.words} words, ${result.distinctWords} distinct, in ${result.bytes} bytes`,
    file: { blobs, type: 'text/plain; charset=utf-8', name: 'results.txt' },
  }
}

const sum = <K extends string>(rows: Record<K, number>[], field: K): number =>
  rows.reduce((total, row) => total + row[field], 0)
