// The kinds of tasks and jobs with schemas and examples, from which forms and clients are made.

import type { FastifyInstance } from 'fastify'
import { serve } from '../../../shared/http/serve.ts'
import { listKinds } from '../../../shared/protocol/api/watching.ts'
import type { AboutKind } from '../../../shared/protocol/contract.ts'
import { isElsewhere } from '../../core/registry.ts'
import type { Dispatcher } from '../../dispatch/dispatcher.ts'

type Options = {
  dispatcher: Dispatcher
  kinds: ReadonlyMap<string, AboutKind>
  jobKinds: ReadonlyMap<string, AboutKind>
}

/** Limits of the examples shown of a kind. */
const EXAMPLES_MAX = 4
const EXAMPLE_CHARS_MAX = 400

export async function kinds(app: FastifyInstance, { dispatcher, kinds, jobKinds }: Options) {
  const tasks = [...kinds.values()].map((kind) => ({
    ...aboutJson(kind),
    files: kind.files ?? false,
    shorthand: kind.shorthand ?? false,
  }))
  const jobs = [...jobKinds.values()].map(aboutJson)

  serve(app, listKinds, () => {
    const offered = new Map<string, number>()
    for (const slave of dispatcher.view.registry.all()) {
      if (slave.standing !== 'alive' || isElsewhere(slave)) continue
      for (const kind of slave.kinds) offered.set(kind, (offered.get(kind) ?? 0) + 1)
    }
    const own = [...offered].filter(([name]) => !kinds.has(name))
    return {
      kinds: tasks.map((kind) => ({ ...kind, offeredBy: offered.get(kind.name) ?? 0 })),
      jobs,
      foreign: own.map(([name, offeredBy]) => ({ name, offeredBy })),
    }
  })
}

const aboutJson = ({ name, summary, input, output, examples }: AboutKind) => ({
  name,
  summary,
  input,
  output,
  examples: examples
    .map((example) => example.input)
    .filter((example) => JSON.stringify(example).length <= EXAMPLE_CHARS_MAX)
    .slice(0, EXAMPLES_MAX),
})
