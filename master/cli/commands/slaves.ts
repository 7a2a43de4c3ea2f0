// `askfirst slaves`, `drain` and `resume`.

import type { Slave } from '../../../shared/client/client.ts'
import type { Runner } from '../command.ts'
import { command } from '../command.ts'
import type { Column } from '../output.ts'
import { duration } from '../output.ts'

const PIPS = 12

/** A mark per slot: taken or free; in digits where they are too many. */
export function pips({ slots, free }: Pick<Slave, 'slots' | 'free'>): string {
  const taken = slots - free
  return slots > PIPS ? `${taken}/${slots}` : '●'.repeat(taken) + '○'.repeat(free)
}

export const slaveColumns: Column<Slave>[] = [
  ['#', ({ place }) => place],
  ['SLAVE', ({ name }) => name],
  ['STATE', ({ state }) => state],
  ['SLOTS', (slave) => pips(slave)],
  ['DONE', ({ ended }) => ended],
  ['RUNS', ({ serviceMs }) => (serviceMs === null ? '-' : duration(serviceMs))],
  ['HEARD', ({ heardMs }) => (heardMs === null ? 'never' : `${duration(heardMs)} ago`)],
  ['WHERE', ({ url }) => url ?? 'polling'],
  ['WHY', ({ state, reason }) => (state === 'free' ? '' : reason)],
]

export const slaves = (run: Runner) =>
  command('slaves', 'lists the slaves in the order of asking').action(
    run(async ({ client, output }) => {
      const all = await client().slaves()
      output.show(all, () =>
        all.length === 0 ? 'no slave is registered' : output.table(all, slaveColumns),
      )
    }),
  )

export const drain = (run: Runner) =>
  command('drain', 'stops offers to a slave, which finishes its tasks')
    .argument('<NAME>')
    .action(
      run(async ({ client, output }, name) => {
        await client(10_000).drain(name)
        output.show(
          { slave: name, drained: true },
          () => `${name} gets no offers until it is resumed`,
        )
      }),
    )

export const resume = (run: Runner) =>
  command('resume', 'sends offers to a drained slave again')
    .argument('<NAME>')
    .action(
      run(async ({ client, output }, name) => {
        await client(10_000).resume(name)
        output.show({ slave: name, drained: false }, () => `${name} gets offers again`)
      }),
    )
