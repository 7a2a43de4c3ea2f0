// `askfirst slaves`, `drain` and `resume`.

import type { Slave } from '../../../shared/client/client.ts'
import type { Runner } from '../command.ts'
import { command } from '../command.ts'
import type { Column } from '../output.ts'
import { cut, duration } from '../output.ts'

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

/** Characters of a list in a cell. */
const LIST_MOST = 20
/** What a master of an earlier version does not tell. */
type Said = Partial<Pick<Slave, 'commands' | 'cache' | 'features'>>

/** Columns that are shown only where they tell something of these slaves. */
const moreColumns: { column: Column<Said>; tells: (all: Said[]) => boolean }[] = [
  {
    column: ['PROGRAMS', ({ commands }) => (commands ? programsOf(commands) : null)],
    tells: (all) => all.some(({ commands }) => commands),
  },
  {
    column: ['CACHE', ({ cache }) => (cache ? `${fullness(cache)} %` : null)],
    tells: (all) => all.some(({ cache }) => cache && cache.bytes > 0),
  },
  {
    column: ['FEATURES', ({ features = [] }) => cut(features.join(' '), LIST_MOST) || null],
    tells: (all) => new Set(all.map(({ features = [] }) => features.join(' '))).size > 1,
  },
]

const programsOf = ({ programs }: NonNullable<Slave['commands']>): string =>
  programs === 'any' ? 'any' : cut(programs.join(' '), LIST_MOST) || 'none'

/** In per cent. */
const fullness = ({ bytes, bytesMax }: NonNullable<Slave['cache']>): number =>
  bytesMax === 0 ? 100 : Math.min(100, Math.round((100 * bytes) / bytesMax))

/** The last one, which is cut where the terminal ends, stays the last. */
export function columnsFor(all: Slave[]): Column<Slave>[] {
  const more = moreColumns.filter(({ tells }) => tells(all)).map(({ column }) => column)
  return [...slaveColumns.slice(0, -1), ...more, ...slaveColumns.slice(-1)]
}

export const slaves = (run: Runner) =>
  command('slaves', 'lists the slaves in the order of asking').action(
    run(async ({ client, output }) => {
      const all = await client().slaves()
      output.show(all, () =>
        all.length === 0 ? 'no slave is registered' : output.table(all, columnsFor(all)),
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
