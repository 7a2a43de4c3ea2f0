// Between a slave as the core knows it and a slave as it is stored.

import type { StoredSlave } from '../core/messages.ts'
import type { Address } from '../core/reach.ts'
import type { Loaded, SlaveRecord } from '../store/store.ts'
import { toStoredTask } from './task-records.ts'

/** In the store these stand in place of a URL. */
const POLL = 'pull:'
const SIMPLE_POLL = 'pull:simple'

export const rowOf = ({ address, ...slave }: StoredSlave): SlaveRecord => ({
  ...slave,
  url: urlOf(address),
})

function urlOf(address: Address): string {
  switch (address.by) {
    case 'http':
      return address.url
    case 'poll':
      return POLL
    case 'simple-poll':
      return SIMPLE_POLL
  }
}

function addressIn(url: string): Address {
  if (url === POLL) return { by: 'poll' }
  return url === SIMPLE_POLL ? { by: 'simple-poll' } : { by: 'http', url }
}

/**
 * What a core starts with: what is stored, and in `more` the slaves that only the settings name. The
 * settings have precedence over the store for the address of a slave.
 */
export function restoreOf({ tasks, slaves }: Loaded, named: { name: string; url: string }[]) {
  const known = new Set(slaves.map(({ name }) => name))
  const urls = new Map(named.map(({ name, url }) => [name, url]))
  const first = Math.max(-1, ...slaves.map(({ position }) => position)) + 1
  const toStored = ({ name, url, position, drained }: SlaveRecord): StoredSlave => {
    return { name, address: addressIn(urls.get(name) ?? url), position, drained }
  }
  const isNew = ({ name }: { name: string }): boolean => !known.has(name)
  return {
    tasks: tasks.map(toStoredTask),
    slaves: slaves.map(toStored),
    more: named
      .filter(isNew)
      .map((slave, i) => toStored({ ...slave, position: first + i, drained: false })),
  }
}
