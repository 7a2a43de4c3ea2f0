// The simulated processes of a world, and where they find each other.

import type { createDispatcher } from '../../../master/dispatch/dispatcher.ts'
import type { Agent } from '../../../slave/agent/agent.ts'
import type { Life } from './clock.ts'

export type MasterProcess = {
  life: Life
  dispatcher: Awaited<ReturnType<typeof createDispatcher>>
}
export type SlaveProcess = {
  life: Life
  agent: Pick<Agent, 'attempts'>
  boot: string
  name: string
  /** Its connections end, as the master may see. */
  hangUp?: () => void
}
/** One that a master can ask. */
export type AskedProcess = SlaveProcess & { agent: Agent }

/** The process that listens at an address now, if any. */
export type Directory = {
  master: MasterProcess | null
  slaves: Map<string, AskedProcess>
}
