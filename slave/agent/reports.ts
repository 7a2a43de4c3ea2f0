// What the slave says to its master of itself: registrations, heartbeats, polls and its departure. Each
// reply, or its absence, is an input of the core.

import type { Logger } from '../../shared/process/log.ts'
import type { HeldAttempt, PollReply, SlaveState } from '../../shared/protocol/wire.ts'
import type { SlaveCore } from '../core/core.ts'
import type { Partitions } from '../files/partitions.ts'
import type { Link } from '../link/link.ts'
import type { Take } from './turns.ts'

export function createReports(given: {
  link: Pick<Link, 'register' | 'beat' | 'poll' | 'leave'>
  log: Logger
  core: Pick<SlaveCore, 'card' | 'state'>
  /** Where masters reach this slave. */
  url: () => string
  /** The slave polls for its tasks: masters need not reach it. */
  pull: boolean
  partitions: Pick<Partitions, 'jobs' | 'drop'> | null
  held: () => HeldAttempt[]
  take: Take
  onPolled: (reply: PollReply) => void
  /** The master replied. */
  onReply: () => void
}) {
  const { link, log, core, partitions, take } = given
  /** A slave that leaves says nothing more: its next poll would register it again. */
  let left = false

  return {
    register(): void {
      if (left) return
      const where = given.pull ? { pull: true as const } : { url: given.url() }
      link.register({ ...core.card(), ...where }, (error, reply) => {
        if (error || !reply) {
          log.warn({ reason: error?.message }, 'not registered yet')
          return take({ is: 'not-registered' })
        }
        log.info(where, 'registered with the master')
        given.onReply()
        take({ is: 'registered', ...reply })
      })
    },

    beat(): void {
      if (left) return
      const jobs = partitions?.jobs() ?? []
      const more = jobs.length > 0 ? { jobs } : {}
      link.beat({ state: core.state(), attempts: given.held(), ...more }, (error, reply) => {
        if (error || !reply) {
          log.warn({ reason: error?.message }, 'the master did not answer a heartbeat')
          return take({ is: 'beat-failed' })
        }
        given.onReply()
        if (reply.endedJobs) void partitions?.drop(reply.endedJobs)
        take({ is: 'beat-answered', reply })
      })
    },

    poll(state: SlaveState, waitMs: number): void {
      if (left) return
      link.poll(state, waitMs, (error, reply) => {
        if (error || !reply) {
          const { message: reason, delivered = true, status } = error ?? {}
          if (delivered) log.warn({ reason }, 'a poll got no response')
          return take({ is: 'poll-failed', delivered, unknown: status === 404 })
        }
        given.onReply()
        given.onPolled(reply)
      })
    },

    /** Tells the master that this slave leaves. Resolves also when the master does not answer. */
    leave(): Promise<void> {
      left = true
      const { name, boot } = core.card()
      return new Promise((resolve) => link.leave(name, boot, () => resolve()))
    },
  }
}
