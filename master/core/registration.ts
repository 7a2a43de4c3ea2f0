// Registration: a slave registers, is saved, and deregisters. Pure.

import type { Monotonic } from '../../shared/data/clock.ts'
import type { RegistrationReply } from '../../shared/protocol/wire.ts'
import { dropOffers, visit } from './asking.ts'
import { lose } from './attempts.ts'
import type { Context } from './context.ts'
import type { Registering, Visited } from './messages.ts'
import type { Address, PollId, Reach } from './reach.ts'
import { addressOf, isAt, reachAt } from './reach.ts'
import { watch } from './slave-timers.ts'
import type { Slave } from './state.ts'

/** A slave registers. It must confirm its identity at the address that it gives. */
export function takeRegistration(core: Context, registering: Registering, now: Monotonic): void {
  const { registration, token } = registering
  const { name, boot, url } = registration
  const address: Address = url === undefined ? { by: 'poll' } : { by: 'http', url }
  const known = core.registry.byName.get(name)
  const another = known && known.boot !== boot && known.boot !== ''
  // A polling slave has no address that identifies it.
  const elsewhere = another && (address.by === 'poll' || !isAt(known, address))
  if (elsewhere && known.standing === 'alive') {
    // Probe it, so that it becomes suspect if it is gone and the next registration succeeds.
    visit(core, known, now)
    const where = known.reach.by === 'http' ? ` at ${known.reach.url}` : ''
    const detail = `a slave named ${name} is alive${where}; choose another --name, or stop that slave`
    return void core.effects.push({ do: 'answer-problem', token, type: 'name-taken', detail })
  }
  if (address.by !== 'http') return enrol(core, registering, now)
  core.effects.push({ do: 'visit', name, url: address.url, token })
}

const lastBoot = { generation: -1, onItsWay: false }

/** Registers a polling slave. Its next heartbeat lists its attempts. */
function enrol(core: Context, registering: Registering, now: Monotonic): void {
  const { registration: card, token } = registering
  const slave = settleFirst(core, card.name, { by: 'poll' }, registering)
  if (!slave) return
  closePoll(core, slave)
  const reborn = slave.boot !== card.boot
  if (reborn || !sameKinds(slave, card.kinds)) core.registry.introduce(slave, card)
  // Its first list is complete: attempts that it lacks were lost with the previous boot.
  if (reborn) for (const held of slave.held.values()) Object.assign(held, lastBoot)
  if (slave.heapIndex < 0) watch(core, slave, now)
  reportsHere(core, slave)
  core.effects.push({ do: 'answer-registration', token, reply: registrationReply(core) })
}

export const registrationReply = ({ settings, ids }: Context): RegistrationReply => ({
  heartbeatMs: settings.heartbeatMs,
  master: ids.issuer,
})

/** This boot has come by itself. It does not change its master. */
export function reportsHere(core: Context, slave: Slave): void {
  slave.reports = 'here'
  core.registry.refresh(slave)
}

/**
 * A slave that is new or has moved is saved before it gets offers: after a restart the
 * master must know which slaves to probe. Its message is handled again after that. Returns the
 * slave of this name at this address, once it is saved.
 */
export function settleFirst(
  core: Context,
  name: string,
  address: Address,
  input: Registering | Visited,
): Slave | undefined {
  const { token, again } = input
  const known = core.registry.byName.get(name)
  const isHere = known !== undefined && isAt(known, address)
  if (isHere && again) known.saved = true
  if (isHere && known.saved) return known
  // Its answer to what it was asked at its old address.
  if (token === null) return undefined
  if (again) {
    const detail = `another slave has registered as ${name} in the meantime`
    core.effects.push({ do: 'answer-problem', token, type: 'name-taken', detail })
    return undefined
  }
  if (!isHere) settleAt(core, name, reachAt(address))
  core.effects.push({ do: 'repeat', input: { ...input, again: true } })
  return undefined
}

/** Changes how the slave with this name is reached. */
export function settleAt(core: Context, name: string, reach: Reach): Slave {
  const slave = core.registry.byName.get(name) ?? core.registry.add(name, reach)
  closePoll(core, slave)
  slave.reach = reach
  slave.saved = false
  saveSlave(core, slave)
  return slave
}

export const sameKinds = (slave: Slave, kinds: string[]): boolean =>
  slave.kinds.length === kinds.length && kinds.every((kind) => slave.kinds.includes(kind))

/** Deregisters a slave: its attempts are lost at once, and its place is free unless it is drained. */
export function takeLeave(core: Context, name: string, boot: string, now: Monotonic): boolean {
  const slave = core.registry.byName.get(name)
  if (!slave || (boot !== '' && slave.boot !== boot)) return false
  closePoll(core, slave)
  // An operator drained it: it stays drained when it returns, until it is resumed or removed.
  if (slave.drained && boot !== '') core.registry.setStanding(slave, 'silent')
  else forget(core, slave)
  for (const held of slave.held.values()) lose(core, slave, held, { is: 'left' }, now)
  dropOffers(core, slave, now)
  return true
}

function forget(core: Context, slave: Slave): void {
  if (slave.heapIndex >= 0) core.dueSlaves.remove(slave)
  core.registry.remove(slave)
  core.effects.push({ do: 'drop-slave', name: slave.name })
}

/** Stores a slave, so that it is known after a restart of the master. */
export function saveSlave(core: Context, slave: Slave): void {
  const { name, place: position, drained } = slave
  const stored = { name, address: addressOf(slave), position, drained }
  core.effects.push({ do: 'save-slave', slave: stored })
}

/** The slave stopped polling; tasks that were offered to it are offered to the next slave. */
export function closePoll(core: Context, slave: Slave): void {
  const { reach } = slave
  if (reach.by === 'http' || reach.poll === null) return
  endPoll(core, reach.poll)
  reach.poll = null
  core.registry.refresh(slave)
}

export function endPoll(core: Context, poll: PollId): void {
  core.effects.push({ do: 'end-poll', poll, problem: null })
}
