// What slaves hand in: outcomes, by whatever route and in whatever form. Every one of them passes the
// one function of this file on its way to the core (dispatcher.ts calls it, so no route can leave it
// out).
//
//   result   is checked against the output schema of its kind; a wrong one is the failure
//            `invalid-result`, so that no client reads it and no job combines it
//   files    a file that is kept on the slave is at the slave's own address and nowhere else, because
//            peers are sent there with the job's ticket; any other address refuses the request

import { filePathMistake } from '../../shared/data/file-paths.ts'
import { invalidRequest } from '../../shared/http/validate.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { CallbacksRequest, Outcome, OutputFile } from '../../shared/protocol/wire.ts'
import { heldSimply } from '../core/anonymous-slaves.ts'
import type { Submitted } from '../core/messages.ts'
import type { Registry } from '../core/registry.ts'
import type { Slave, Task } from '../core/state.ts'
import type { Outputs } from './output-schemas.ts'

export function createOutcomeChecks(given: {
  registry: Pick<Registry, 'byName'>
  live: ReadonlyMap<string, Task>
  outputs: Outputs
  /** The addresses of slaves that the settings name: how the master reaches them, in an operator's words. */
  named: ReadonlyMap<string, string>
}) {
  const { registry, live, outputs, named } = given

  return {
    /** Returns the checked outcomes; throws a Problem if one is invalid. */
    callbacks({ state, callbacks }: CallbacksRequest): CallbacksRequest {
      const checked = callbacks.map((callback, i) => {
        const outcome = check(state.slave, callback.task, callback.outcome, i)
        return outcome === callback.outcome ? callback : { ...callback, outcome }
      })
      return { state, callbacks: checked }
    },

    /** The same for the short form, whose result may be a bare number. */
    submitted(said: Submitted): Submitted {
      const { slave, task } = whose(said)
      const kind = task === undefined ? undefined : live.get(task)?.kind
      const outcome = check(slave, task, inFull(kind, said.outcome), null)
      return { ...said, outcome }
    },
  }

  function whose(said: Submitted): { slave: string; task: string | undefined } {
    if (said.by === 'task') {
      return { task: said.task, slave: heldSimply(live, said)?.slave ?? said.slave ?? '' }
    }
    const held = registry.byName.get(said.slave)?.held.get(said.attempt)
    return { slave: said.slave, task: held?.task.id ?? said.task }
  }

  function inFull(kind: string | undefined, outcome: Outcome): Outcome {
    if (kind === undefined || outcome.status !== 'done') return outcome
    return { ...outcome, result: outputs.inFull(kind, outcome.result) }
  }

  /** `place`: in the list of callbacks; null for the short form. For the names of fields in what is refused. */
  function check(
    slave: string,
    task: string | undefined,
    outcome: Outcome,
    place: number | null,
  ): Outcome {
    if (outcome.status === 'done') {
      const kind = task === undefined ? undefined : live.get(task)?.kind
      const mistake = kind === undefined ? null : outputs.mistakeIn(kind, outcome.result)
      if (mistake !== null) return { status: 'failed', type: 'invalid-result', message: mistake }
    }
    if (outcome.files === undefined) return outcome
    const at = place === null ? 'files' : `callbacks.${place}.outcome.files`
    const files = outcome.files.map((file, i) => placed(slave, file, `${at}.${i}`))
    return { ...outcome, files }
  }

  /** A file at its one address, in the one way to write it. */
  function placed(slave: string, file: OutputFile, at: string): OutputFile {
    const { name, url, sha256 } = file
    const mistake = filePathMistake(name)
    if (mistake !== null) throw invalidRequest([{ field: `${at}.name`, rule: mistake }])
    if (url === undefined) {
      if (sha256 !== undefined) return file
      const rule =
        'is missing: a file is a blob on the master (sha256) or is kept on its slave (url)'
      throw invalidRequest([{ field: `${at}.sha256`, rule }])
    }
    const field = `${at}.url`
    const { origin, isNamed } = placeOf(slave, field)
    const parsed = URL.canParse(url) ? new URL(url) : null
    const isPlain = parsed?.username === '' && parsed.password === '' && parsed.hash === ''
    if (parsed === null || !isPlain || !/^https?:$/.test(parsed.protocol)) {
      throw invalidRequest([{ field, rule: `must be an http or https URL at ${origin}` }])
    }
    // A slave named in the settings may not know the address configured for it.
    if (parsed.origin !== origin && !isNamed) {
      throw invalidRequest([
        { field, rule: `must be at ${origin}, the registered address of ${slave}` },
      ])
    }
    return { ...file, url: `${origin}${parsed.pathname}${parsed.search}` }
  }

  function placeOf(name: string, field: string): { origin: string; isNamed: boolean } {
    const slave: Slave | undefined = registry.byName.get(name)
    if (!slave) {
      throw new Problem('no-such-slave', `no slave "${name}" has registered; register it first`)
    }
    const { reach } = slave
    if (reach.by !== 'http') {
      const rule =
        'names a polling slave, which its peers cannot reach: upload the file (PUT /blobs)'
      throw invalidRequest([{ field, rule }])
    }
    const { origin } = new URL(reach.url)
    return { origin, isNamed: named.get(name) === reach.url }
  }
}
