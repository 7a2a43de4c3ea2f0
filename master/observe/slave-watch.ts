// Reads the registry several times per second and reports changes of slaves: joined,
// left, restarted, or changed state. Free and busy are not reported: events of tasks show
// that. The reports are for people and programs that watch; no decision uses them.

import type { Clock, WallTime } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Logger } from '../../shared/process/log.ts'
import type { SlaveEvent, SlaveStanding } from '../core/events.ts'
import { knownReason } from '../core/known-reason.ts'
import type { Registry } from '../core/registry.ts'
import { isOpen } from '../core/registry.ts'
import type { Slave } from '../core/state.ts'
import { reasonOf } from '../core/trail.ts'

/** Interval, in milliseconds. */
const LOOK_MS = 250

type Seen = { boot: string; state: SlaveStanding; look: number }

/** State of a slave, whether it has free slots or not. */
function standingOf(slave: Slave): { state: SlaveStanding; reason: string } {
  if (isOpen(slave)) {
    return { state: 'open', reason: '' }
  }
  const known = knownReason(slave)
  return { state: known.event, reason: reasonOf(known) }
}

/** Watches until it is closed. */
export function watchSlaves(given: {
  registry: Registry
  clock: Clock
  log: Logger
  onEvent: (event: SlaveEvent) => void
}) {
  const { registry, clock, log } = given
  const seen = new Map<string, Seen>()
  let looks = 0
  let callOff = clock.at(later(clock.now(), LOOK_MS), look)

  return {
    look,
    /** Idempotent. */
    close: (): void => callOff(),
  }

  function look(): void {
    const at = clock.wall()
    looks++
    for (const slave of registry.all()) see(slave, at)
    for (const [name, { look }] of seen) if (look !== looks) forget(name, at)
    callOff()
    callOff = clock.at(later(clock.now(), LOOK_MS), look)
  }

  function see(slave: Slave, at: WallTime): void {
    const { name, boot } = slave
    const { state, reason } = standingOf(slave)
    const before = seen.get(name)
    // A slave that has just registered is not silent: it was not probed yet.
    if (!before && boot === '' && slave.unanswered === 0) return
    if (!before) {
      seen.set(name, { boot, state, look: looks })
      return tell({ type: 'slave', at, slave: name, event: 'joined', state, reason })
    }
    const reborn = before.boot !== boot && before.boot !== ''
    if (reborn || before.state !== state) {
      const event = reborn ? 'restarted' : 'changed'
      tell({ type: 'slave', at, slave: name, event, state, reason })
    }
    before.boot = boot
    before.state = state
    before.look = looks
  }

  function forget(name: string, at: WallTime): void {
    seen.delete(name)
    tell({ type: 'slave', at, slave: name, event: 'left', state: 'left', reason: '' })
  }

  function tell(event: SlaveEvent): void {
    log.info({ slave: event.slave, state: event.state, reason: event.reason }, event.event)
    given.onEvent(event)
  }
}
