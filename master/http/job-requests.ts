// Checks the body of `POST /jobs`: the options, the input by its kind, and that the slaves and blobs it needs
// exist.

import type { TextOf } from '../../shared/data/raw-json.ts'
import { encode } from '../../shared/data/raw-json.ts'
import { createCheck, invalidRequest } from '../../shared/http/validate.ts'
import type { JobKind, JobSoFar } from '../../shared/kinds/job-kind.ts'
import { PARTS_MAX } from '../../shared/kinds/job-kind.ts'
import { NamedJob } from '../../shared/protocol/api/job-body.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import { isElsewhere, mayHave } from '../core/registry.ts'
import type { Slave } from '../core/state.ts'
import type { Blobs } from '../jobs/blobs.ts'
import type { NewJob } from '../jobs/job-admission.ts'
import { assertDoubles } from './task-requests.ts'

type Asked = Omit<NewJob, 'idempotencyKey' | 'requestHash' | 'client' | 'trace'>

export type JobRequests = ReturnType<typeof createJobRequests>

export function createJobRequests(given: {
  kinds: ReadonlyMap<string, JobKind>
  blobs: Blobs
  /** A client that submits a task kind as a job is told to use POST /tasks. */
  taskKinds?: ReadonlyMap<string, unknown>
  slaves: () => Slave[]
  runLimitMs: number
  runLimitMsMax: number
}) {
  const { kinds, blobs } = given
  const body = createCheck(NamedJob)
  const inputs = new Map([...kinds].map(([name, kind]) => [name, createCheck(kind.input)]))

  return {
    /** A job from a body of this client. Rejects with a Problem that names the field and the rule. */
    parse: async (posted: unknown, text: TextOf, client: string | null): Promise<Asked> =>
      (await check(posted, text, client)).job,

    /** How the job would be split. Stores and runs nothing. Rejects as `parse` does. */
    async explain(posted: unknown, text: TextOf, client: string | null) {
      const { job, needs, parts } = await check(posted, text, client)
      const stages = kinds.get(job.kind)?.stages.map(({ name }) => name) ?? []
      return { kind: job.kind, needs, stages, parts, slots: job.slots, slaves: job.slaves }
    },
  }

  async function check(
    posted: unknown,
    text: TextOf,
    client: string | null,
  ): Promise<{ job: Asked; needs: string[]; parts: number }> {
    const asked = body.checked(posted)
    const kind = kinds.get(asked.kind)
    if (!kind) {
      if (given.taskKinds?.has(asked.kind)) {
        const detail = `${asked.kind} is a kind of task, not of job: send the same body to POST /tasks`
        throw new Problem('unknown-kind', detail)
      }
      const all = [...kinds.keys()].join(', ')
      throw new Problem(
        'unknown-kind',
        `no job kind "${asked.kind}" exists; the job kinds are: ${all}`,
      )
    }
    const input = inputs.get(asked.kind)?.checked(asked.input, '/input') as never
    const written = text('input') ?? encode(input)
    assertDoubles(written, 'input')
    const mistakes = kind.mistakes?.(input) ?? []
    if (mistakes.length > 0) throw invalidRequest(mistakes)
    const { runLimitMs = given.runLimitMs, parts = null, priority = 0, tags = [] } = asked
    if (runLimitMs > given.runLimitMsMax) {
      throw invalidRequest([{ field: 'runLimitMs', rule: `must be <= ${given.runLimitMsMax}` }])
    }
    const named = new Set(kind.blobs?.(input))
    await Promise.all([...named].map((sha256) => blobs.get(sha256, client)))
    const needs = kind.needs(input)
    const together = kind.together?.(input) ?? []
    const job = { input, parts, runLimitMs, ...capacityFor(needs, together) }
    const soFar = { ...job, together: job.together === 1, done: [] }
    const first = await checkFirstStage(kind, soFar, named, client)
    const { kind: name } = asked
    return { job: { ...job, input: written, kind: name, priority, tags }, needs, parts: first }
  }

  /**
   * The slaves that offer one of the needed kinds, and their slots; whether each slave offers all of the
   * others or none. Throws when no slave offers one of the needed kinds.
   */
  function capacityFor(
    needed: string[],
    together: string[],
  ): Pick<Asked, 'slots' | 'slaves' | 'together'> {
    const alive = given
      .slaves()
      .filter((slave) => slave.standing === 'alive' && !isElsewhere(slave))
    if (alive.length === 0) throw new Problem('no-slaves', 'no slave is registered and alive')
    const lacking = needed.filter((kind) => !alive.some(({ kinds }) => kinds.includes(kind)))
    if (lacking.length > 0) {
      const none =
        alive.length === 1
          ? 'the only slave that answers does not offer'
          : `none of the ${alive.length} slaves that answer offers`
      const detail = `${none} ${lacking.join(', ')}`
      const isAbsent = (kind: string) =>
        given.slaves().some((slave) => mayHave(slave, { kind, needs: [] }))
      if (!lacking.every(isAbsent)) throw new Problem('no-capable-slave', detail)
      throw new Problem(
        'at-capacity',
        `${detail}; some of the slaves that do not answer may offer it`,
      )
    }
    const able = alive.filter(({ kinds }) => needed.some((kind) => kinds.includes(kind)))
    const slots = able.reduce((sum, slave) => sum + slave.slots, 0)
    const split = alive.some(({ kinds }) => {
      const offered = together.filter((kind) => kinds.includes(kind)).length
      return offered > 0 && offered < together.length
    })
    return {
      slots: Math.max(1, slots),
      slaves: Math.max(1, able.length),
      together: split ? 0 : 1,
    }
  }

  /**
   * Reports at once what can be known before the job starts. Returns the number of parts. `named`: blobs
   * that are known to be there.
   */
  async function checkFirstStage(
    kind: JobKind,
    soFar: JobSoFar<never>,
    named: ReadonlySet<string>,
    client: string | null,
  ): Promise<number> {
    let parts: ReturnType<JobKind['stages'][number]['parts']>
    try {
      parts = kind.stages[0]?.parts(soFar) ?? []
    } catch (error) {
      throw new Problem('invalid-request', (error as Error).message)
    }
    if (parts.length > PARTS_MAX) {
      const rule = `would make ${parts.length} parts; the maximum is ${PARTS_MAX}`
      throw invalidRequest([{ field: 'input', rule }])
    }
    const files = parts.flatMap(({ files = [] }) => files)
    const used = new Set(files.flatMap((file) => ('blob' in file ? [file.blob] : [])))
    await Promise.all([...used.difference(named)].map((sha256) => blobs.get(sha256, client)))
    return parts.length
  }
}
