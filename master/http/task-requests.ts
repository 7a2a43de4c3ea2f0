// Checks the body of `POST /tasks`: the options, and the input by its kind.

import { hash } from 'node:crypto'
import { Type } from 'typebox'
import type { WallTime } from '../../shared/data/clock.ts'
import { msBetween } from '../../shared/data/clock.ts'
import { unfitNumber, unfitRule } from '../../shared/data/json-numbers.ts'
import { nearest } from '../../shared/data/nearest-name.ts'
import type { TextOf } from '../../shared/data/raw-json.ts'
import { encode } from '../../shared/data/raw-json.ts'
import { createCheck, invalidRequest, isObject } from '../../shared/http/validate.ts'
import type { CommandInput } from '../../shared/kinds/command.ts'
import {
  NamedTask,
  shortTask,
  TASK_OPTIONS,
  TaskOptions,
} from '../../shared/protocol/api/task-body.ts'
import type { AboutKind } from '../../shared/protocol/contract.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { Feature } from '../../shared/protocol/wire.ts'
import { Variables } from '../../shared/protocol/wire.ts'
import type { Need, Terms } from '../core/needs.ts'
import { needsOf, saidNeeds } from '../core/needs.ts'
import { termsIn } from '../dispatch/task-records.ts'
import type { Attachments, TaskRequest } from './task-attachments.ts'
import { attachmentsIn, attachmentsOf } from './task-attachments.ts'

/** The input as JSON text, and what of it is neither stored nor shown with it. */
type Parsed = TaskOptions & {
  kind: string
  input: string
  secretEnv?: Record<string, string>
  /** The program that a slave must run for it. */
  program?: string
}

/** What the headers of a request say of a new task or job. */
export type Manners = {
  /** How long the client waits, in milliseconds; 0: it does not wait. */
  waitMs: number
  /** The key of a repeated request, and the hash of what it must repeat. */
  idempotencyKey: string | null
  requestHash: string | null
  /** The owner of the new task or job; null: no particular client. */
  client: string | null
  /** The trace that the request belongs to, if it names one (shared/protocol/trace.ts). */
  trace: string | null
}

type TaskRequestLimits = {
  runLimitMs: number
  runLimitMsMax: number
  waitLimitMs: number
}

export type TaskRequests = ReturnType<typeof createTaskRequests>

/** `offered` tells whether a slave offers, or has offered, a kind that is not in `kinds`. */
export function createTaskRequests(given: {
  kinds: ReadonlyMap<string, AboutKind>
  limits: TaskRequestLimits
  offered: (kind: string) => boolean
  /** A client that submits a job kind as a task is told to use POST /jobs. */
  jobKinds?: ReadonlyMap<string, unknown>
}) {
  const { kinds, limits, offered, jobKinds } = given
  const named = createCheck(NamedTask)
  const changes = createCheck(TaskOptions)
  const variables = createCheck(Variables)
  const inputs = new Map([...kinds].map(([name, kind]) => [name, createCheck(kind.input)]))
  const shorthands = [...kinds.values()].filter(({ shorthand }) => shorthand).map(shorthandOf)

  /** Those that need no files. */
  const alone = [...kinds.values()].filter(({ files }) => !files).map(({ name }) => name)

  return {
    /** A submission that repeats a task's request, with changes. Throws a Problem as `parse` does. */
    again(task: Repeatable, body: unknown, said: Manners): TaskRequest {
      const changed = changes.checked(body ?? {})
      const { kind, priority, runLimitMs, tags, input } = task
      const queueMs = queueMsOf(task)
      const queued = queueMs === 0 ? {} : { queue: true, waitLimitMs: queueMs }
      const { attemptsMax, retryOn = [], needs = [] } = termsIn(task.terms) ?? {}
      const tries = attemptsMax == null ? {} : { attemptsMax }
      const needed = saidNeeds(needs)
      const always = { priority, runLimitMs, tags, retryOn }
      const needing = needed === undefined ? {} : { needs: needed }
      const common = { ...always, ...queued, ...tries, ...needing, ...changed }
      const before = attachmentsIn(task.work)
      const files = changed.files ?? filesOf(before)
      const { outputs } = before ?? {}
      const again = { ...(outputs ? { outputs } : {}), ...common, ...(files ? { files } : {}) }
      const named = { kind, input: JSON.parse(input) as unknown, ...again }
      const checked = name(named, () => input)
      return settle({ ...checked, secretEnv: before?.secretEnv ?? {} }, said)
    },

    /**
     * A submission from a body and from what the headers say. `text` gives the JSON text of a field: the
     * input is passed on as it was written. Throws a Problem that names the field and the rule.
     */
    parse(body: unknown, text: TextOf, said: Manners): TaskRequest {
      const checked = isObject(body) && !('kind' in body) ? expand(body, text) : name(body, text)
      return settle(checked, said)
    },
  }

  function name(given: unknown, text: TextOf): Parsed {
    const body = named.checked(given)
    const kind = kinds.get(body.kind)
    if (kind?.program) return nameProgram(body)
    assertFilesFit(body, kind)
    const check = inputs.get(body.kind)
    const input = text('input') ?? encode(body.input)
    if (check) {
      check.checked(body.input, '/input')
      assertDoubles(input, 'input')
    } else if (!offered(body.kind)) {
      if (jobKinds?.has(body.kind)) {
        const detail = `${body.kind} is a kind of job, not of task: send the same body to POST /jobs`
        throw new Problem('unknown-kind', detail)
      }
      const detail = `the kind "${body.kind}" is unknown; known kinds are: ${alone.join(', ')}`
      throw new Problem('unknown-kind', detail)
    }
    return { ...body, input }
  }

  /** A program's secret variables are cut out of its input. */
  function nameProgram(body: NamedTask): Parsed {
    const { secretEnv, ...input } = isObject(body.input) ? body.input : {}
    const checked = inputs
      .get(body.kind)
      ?.checked(isObject(body.input) ? input : body.input, '/input')
    const secrets = secretEnv === undefined ? {} : variables.checked(secretEnv, '/input/secretEnv')
    const { program } = checked as CommandInput
    return { ...body, input: JSON.stringify(input), secretEnv: secrets, program }
  }

  /** `{"expression": "2+3", ...}` for `{"kind": "expression", "input": {...}, ...}`. */
  function expand(body: Record<string, unknown>, text: TextOf): Parsed {
    const shorthand = shorthands.find(({ required }) =>
      required.every((field) => Object.hasOwn(body, field)),
    )
    if (!shorthand) {
      const short = shorthands.map(({ required }) => required.join(' and ')).join(', or ')
      const meant = shorthands.flatMap(({ required }) => required)
      const misspelt = Object.keys(body).flatMap((field) => {
        const near = nearest(field, [...meant, 'kind', 'input'])
        return near === null || near === field
          ? []
          : [{ field: field.slice(0, 64), rule: `is unknown; did you mean "${near}"?` }]
      })
      if (misspelt.length > 0) throw invalidRequest(misspelt)
      throw invalidRequest([
        { field: 'body', rule: `needs kind and input, or the short form: ${short}` },
      ])
    }
    shorthand.checked(body)
    let input = ''
    let common: Record<string, unknown> | null = null
    for (const field of Object.keys(body)) {
      const value = body[field]
      if (Object.hasOwn(TASK_OPTIONS, field)) (common ??= {})[field] = value
      else {
        input += input === '' ? '{' : ','
        input += `${JSON.stringify(field)}:${fieldText(field, value, text)}`
      }
    }
    const parsed = { kind: shorthand.name, input: `${input}}` }
    return common === null ? parsed : { ...parsed, ...common }
  }

  function usualRunLimitMs(program: string | undefined): number {
    if (program === undefined) return limits.runLimitMs
    return Math.min(PROGRAM_RUN_LIMIT_MS, limits.runLimitMsMax)
  }

  // Field by field: a rest of the others took a copy for each task.
  function settle(parsed: Parsed, said: Manners): TaskRequest {
    const { kind, input, queue = false, priority = 0, tags = NO_TAGS, secretEnv, program } = parsed
    const { runLimitMs = usualRunLimitMs(program), waitLimitMs = limits.waitLimitMs } = parsed
    const { waitMs, trace, idempotencyKey, requestHash, client } = said
    if (runLimitMs > limits.runLimitMsMax) {
      throw invalidRequest([{ field: 'runLimitMs', rule: `must be <= ${limits.runLimitMsMax}` }])
    }
    const attachments = attachmentsOf(parsed, secretEnv)
    return {
      kind,
      input,
      work: null,
      attachments,
      terms: termsOf(parsed, attachments, program),
      queue,
      priority,
      tags,
      runLimitMs,
      waitLimitMs,
      waitMs,
      trace,
      idempotencyKey,
      requestHash,
      client,
    }
  }
}

const NO_TAGS: string[] = []
const NO_CODES: number[] = []

/** Default run limit and number of tries of a program, which may have effects of its own. */
const PROGRAM_RUN_LIMIT_MS = 3_600_000
const PROGRAM_ATTEMPTS_MAX = 1

/** What is unusual about a task; null: nothing. */
function termsOf(
  { attemptsMax, retryOn = NO_CODES, needs: said }: TaskOptions,
  attachments: Attachments | null,
  program: string | undefined,
): Terms | null {
  const isUsual = attemptsMax === undefined && retryOn.length === 0 && said === undefined
  if (isUsual && attachments === null && program === undefined) return null
  const needs: Need[] = said === undefined ? [] : needsOf(said)
  const feature = (name: Feature): void => void needs.push({ is: 'feature', name })
  if (attachments && attachments.files.length > 0) feature('files')
  if (attachments && attachments.outputs.length > 0) feature('outputs')
  if (program !== undefined) {
    feature('commands')
    needs.push({ is: 'program', name: program })
  }
  const most = attemptsMax ?? (program === undefined ? null : PROGRAM_ATTEMPTS_MAX)
  return { needs, attemptsMax: most, retryOn }
}

/** Files go with kinds that work on files. Throws a Problem. */
function assertFilesFit({ kind: name, files, outputs }: NamedTask, kind: AboutKind | undefined) {
  const hasFiles = files !== undefined && Object.keys(files).length > 0
  if (kind?.files && !hasFiles) {
    const detail = `${name} works on files: it needs "files", or runs as a part of a job (POST /jobs)`
    throw new Problem('unknown-kind', detail)
  }
  if (kind === undefined || kind.files || (!hasFiles && outputs === undefined)) return
  const field = hasFiles ? 'files' : 'outputs'
  throw invalidRequest([{ field, rule: `does not fit: the kind ${name} works on no files` }])
}

function filesOf(before: Attachments | null) {
  if (before === null || before.files.length === 0) return undefined
  return Object.fromEntries(before.files.map(({ name, sha256 }) => [name, { sha256 }]))
}

/** What a retry needs to know of the task. */
type Repeatable = {
  work: string | null
  terms: string | null
  kind: string
  priority: number
  runLimitMs: number
  tags: string[]
  input: string
  createdAt: WallTime
  waitUntil: WallTime | null
  queueMs: number | null
}

/** Its limit in the queue in milliseconds; 0: not queued. An older version stored it only until the task ran. */
function queueMsOf({ queueMs, createdAt, waitUntil }: Repeatable): number {
  if (queueMs !== null) return queueMs
  return waitUntil === null ? 0 : Math.max(1, Math.round(msBetween(createdAt, waitUntil)))
}

/** Kinds of this master compute with doubles: other numbers are refused. Throws `invalid-request`. */
export function assertDoubles(text: string, field: string): void {
  const unfit = unfitNumber(text)
  if (unfit === null) return
  const path = [field, unfit.path].filter((part) => part !== '').join('.')
  throw invalidRequest([{ field: path, rule: unfitRule(unfit) }])
}

function fieldText(field: string, value: unknown, text: TextOf): string {
  const written = text(field) ?? encode(value)
  // A text has no numbers.
  if (typeof value !== 'string') assertDoubles(written, field)
  return written
}

function shorthandOf(kind: AboutKind) {
  const required = Type.IsObject(kind.input) ? kind.input.required : []
  return { name: kind.name, required, ...createCheck(shortTask(kind)) }
}

/**
 * Identifies a request: SHA-256 of the body, base64url. `odd` lists the numbers that look the same after
 * parsing (oddNumbers): -0.0 is another input than 0.
 */
export const requestHash = (body: unknown, odd = ''): string =>
  hash('sha256', odd === '' ? JSON.stringify(body) : `${JSON.stringify(body)}\n${odd}`, 'base64url')
