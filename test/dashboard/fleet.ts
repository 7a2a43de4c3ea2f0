// Slaves that only speak: they register as slaves that pull and beat once, and no process is behind
// them. For pages with many slaves, and with what real ones would not say.

import assert from 'node:assert/strict'
import { post } from '../requests.ts'

/** What is told of such a slave. */
export type Told = {
  name: string
  slots: number
  tags: string[]
  kinds: string[]
  version: string
}

type Wanted = Partial<Omit<Told, 'name'>> & { name: (index: number) => string }

/** Registers so many. */
export async function joinSlaves(url: string, count: number, wanted: Wanted): Promise<Told[]> {
  const { slots = 1, tags = [], kinds = ['sleep'], version = '0.0.0' } = wanted
  const slaves: Told[] = []
  for (let i = 0; i < count; i++) {
    const slave = { name: wanted.name(i), slots, tags, kinds, version }
    const { status, body } = await post(`${url}/slaves`, { ...slave, boot: 'told', pull: true })
    assert.equal(status, 200, JSON.stringify(body))
    await beat(url, slave, {})
    slaves.push(slave)
  }
  return slaves
}

let generation = 0

/** One heartbeat. */
export async function beat(
  url: string,
  { name, slots }: Told,
  { mode = 'accepting', reason = '', free = slots },
): Promise<void> {
  const state = { slave: name, boot: 'told', generation: ++generation, slots, free, mode, reason }
  const { status, body } = await post(`${url}/slaves/${name}/heartbeat`, { state, attempts: [] })
  assert.equal(status, 200, JSON.stringify(body))
}
