// `askfirst why`: the trail of a task in words; or, without an id, why a task would be refused now.

import type { TaskRequest } from '../../../shared/client/client.ts'
import { hasEnded } from '../../../shared/client/client.ts'
import type { Runner } from '../command.ts'
import { command } from '../command.ts'
import { explanationInWords, whyInWords } from '../words.ts'
import { idOf } from './tasks.ts'
import { parseJson } from './text-file.ts'

/** Inputs to ask with, where the kind needs one that is valid. */
const INPUTS = new Map<string, unknown>([
  ['expression', { expression: '1' }],
  ['sleep', { ms: 0 }],
  ['word-count', { text: '' }],
  ['range-sum', { expression: 'n', from: 1, to: 1 }],
])

export const why = (run: Runner) =>
  command(
    'why',
    'explains the state of a task, or why a task would be refused now',
    [
      'A refused request stores nothing and has no id: askfirst submit prints the reasons at once, and askfirst why without an ID prints what they would be now. ID may be "last": the newest task.',
    ],
    ['askfirst why last', 'askfirst why --kind sleep'],
  )
    .argument('[ID]')
    .option('--kind <KIND>', 'without ID: the kind', 'expression')
    .option('--input <JSON>', 'without ID: an input for a kind that is not built in')
    .action(
      run(async ({ client, output }, given, { kind, input: asked }) => {
        const master = client()
        const dryRun = async (of: string, input: unknown) =>
          master.explain({ kind: of, input } as TaskRequest)
        if (given === undefined) {
          const input = asked === undefined ? (INPUTS.get(kind) ?? {}) : parseJson('--input', asked)
          const now = await dryRun(kind, input)
          return output.show(now, () => explanationInWords(kind, now))
        }
        const id = await idOf(master, given)
        const [task, trail] = await Promise.all([master.get(id), master.trail(id)])
        const now = task.status === 'pending' ? await dryRun(task.kind, task.input) : null
        const words = whyInWords(task, trail, now)
        output.show(
          {
            ...trail,
            ended: hasEnded(task),
            words: words.slice(0, words.indexOf('')).join('\n'),
            now,
          },
          () => words,
        )
      }),
    )
