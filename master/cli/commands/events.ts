// `askfirst events`: what happens, as it happens.

import type { Runner } from '../command.ts'
import { command } from '../command.ts'

export const events = (run: Runner) =>
  command('events', 'prints events as they happen, one per line')
    .option('--type <TYPE>', 'only events of this type: task, slave, job or refused')
    .option('--task <ID>', 'only events of this task')
    .option('--job <ID>', 'only events of this job')
    .option('--kind <KIND>', 'only events of this kind')
    .option('--slave <NAME>', 'only events of this slave')
    .option('--since <ID>', 'start after the event with this id')
    .action(
      run(async ({ client, output, signal }, { since, ...filter }) => {
        const after = since === undefined ? {} : { lastEventId: since }
        const all = client(60_000).stream(filter, { signal, ...after })
        for await (const event of all) {
          if (output.asJson) await output.json(event)
          else await output.line(`${event.id}  ${event.event}  ${JSON.stringify(event.data)}`)
        }
        return signal.aborted ? 'stopped' : 'ok'
      }),
    )
