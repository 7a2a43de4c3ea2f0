// The slaves that the master knows, and which of them can get an offer. Pure.
//
// Only a live slave gets offers. Its place in the order of asking is an index into bit sets,
// so that the first free of ten thousand is found by a scan of words.

import { Bitset } from '../../shared/data/bitset.ts'
import type { Monotonic } from '../../shared/data/clock.ts'
import { LONG_AGO } from '../../shared/data/clock.ts'
import type { SlaveCard, SlaveState } from '../../shared/protocol/wire.ts'
import type { Ability } from './needs.ts'
import { abilityName, lackOf } from './needs.ts'
import type { Reach } from './reach.ts'
import { isReachable } from './reach.ts'
import type { Held, OpenOffer, Slave } from './state.ts'

export type Registry = ReturnType<typeof createRegistry>

/** Maximum number of known kinds; slaves name them. */
const KINDS_KNOWN_MAX = 10_000

/** Abilities of which no live task is left are kept up to this number. */
const ABILITIES_KEPT = 256

const NOBODY = new Bitset()

/** An ability that live tasks have asked for, and who has it. */
type Asked = Ability & { set: Bitset; tasks: number }

/** `ask: 'always'` makes every alive slave a candidate, known to be busy or not. */
export function createRegistry(ask: 'known' | 'always') {
  const byName = new Map<string, Slave>()
  const places: (Slave | undefined)[] = []
  /** Slaves that a new task may ask, and those with free slots as far as is known. */
  const candidates = new Bitset()
  const free = ask === 'known' ? candidates : new Bitset()
  const alive = new Bitset()
  /** Places whose room or abilities have grown in this step (serve-lines.ts). */
  const freed = new Set<number>()
  /** Places that have a slave. */
  const taken = new Bitset()
  /** Who has a kind, and who has what tasks with needs ask for. */
  const able = new Map<string, Bitset>()
  const asked = new Map<string, Asked>()
  /** Every kind that a slave has offered, and those of them that are not saved yet. */
  const known = new Set<string>()
  let unsaved: string[] = []
  let slots = 0

  function add(name: string, reach: Reach, place = firstFreePlace()): Slave {
    const slave: Slave = { ...unheard, name, reach, place, ...nothingHeld() }
    byName.set(name, slave)
    places[place] = slave
    taken.set(place)
    return slave
  }

  function firstFreePlace(): number {
    if (byName.size === places.length) return places.length
    return places.indexOf(undefined)
  }

  function remove(slave: Slave): void {
    byName.delete(slave.name)
    places[slave.place] = undefined
    taken.clear(slave.place)
    slots -= slave.slots
    candidates.clear(slave.place)
    free.clear(slave.place)
    alive.clear(slave.place)
    for (const set of able.values()) set.clear(slave.place)
    for (const { set } of asked.values()) set.clear(slave.place)
    while (places.length > 0 && places.at(-1) === undefined) places.pop()
  }

  /** Stores the card of a slave after its first probe or a new boot. */
  function introduce(slave: Slave, card: SlaveCard): void {
    const isReborn = slave.boot !== card.boot
    if (isReborn) {
      slave.reports = 'unsaid'
      slave.cache = null
    }
    if (slave.reach.by === 'poll') {
      if (isReborn) slave.reach.handed.clear()
      slave.reach.polled = -1
    }
    slave.boot = card.boot
    slave.version = card.version
    slave.tags = card.tags
    slave.kinds = card.kinds
    slave.features = card.features ?? []
    const programs = card.commands?.programs ?? []
    slave.programs = programs === 'any' ? programs : new Set(programs)
    slave.containment = card.commands?.containment ?? null
    slots += card.slots - slave.slots
    slave.slots = card.slots
    slave.generation = -1
    freed.add(slave.place)
    for (const set of able.values()) set.clear(slave.place)
    for (const kind of card.kinds) {
      ableTo(kind).set(slave.place)
      if (known.has(kind) || known.size >= KINDS_KNOWN_MAX) continue
      known.add(kind)
      unsaved.push(kind)
    }
    for (const ability of asked.values()) {
      mark(ability.set, slave.place, lackOf(slave, ability) === null)
    }
  }

  /** One more task asks for an ability: gives its name. `release` when that task is over. */
  function track(ability: Ability): string {
    const name = abilityName(ability)
    if (ability.needs.length === 0) return name
    const known = asked.get(name) ?? { ...ability, set: whoIs(ability), tasks: 0 }
    known.tasks++
    asked.set(name, known)
    return name
  }

  function whoIs(ability: Ability): Bitset {
    const set = new Bitset()
    for (const slave of places) {
      if (slave && lackOf(slave, ability) === null) set.set(slave.place)
    }
    return set
  }

  function release(name: string): void {
    const known = asked.get(name)
    if (!known) return
    known.tasks--
    if (known.tasks === 0 && asked.size > ABILITIES_KEPT) asked.delete(name)
  }

  /** The slave lacks the ability, whatever its card says. */
  function disable(slave: Slave, name: string): void {
    asked.get(name)?.set.clear(slave.place)
    if (!able.has(name)) return
    able.get(name)?.clear(slave.place)
    slave.kinds = slave.kinds.filter((kind) => kind !== name)
    for (const { kind, set } of asked.values()) if (kind === name) set.clear(slave.place)
  }

  /** Stores the reported slots of a slave, unless newer information is known. */
  function hear(slave: Slave, state: SlaveState, now: Monotonic): boolean {
    if (state.boot !== slave.boot || state.generation < slave.generation) return false
    slots += state.slots - slave.slots
    slave.generation = state.generation
    slave.slots = state.slots
    slave.free = Math.max(0, Math.min(state.free, state.slots) - onTheirWay(slave, state))
    slave.mode = state.mode
    slave.reason = state.reason
    // A poll does not say it.
    if (state.cache) slave.cache = { bytes: state.cache.bytes, bytesMax: state.cache.bytesMax }
    slave.heardAt = now
    slave.newsAt = now
    slave.unanswered = 0
    slave.standing = 'alive'
    refresh(slave)
    return true
  }

  /** Updates the bit sets after any change to a slave. */
  function refresh(slave: Slave): void {
    const isOurs = slave.standing === 'alive' && !isElsewhere(slave)
    mark(alive, slave.place, isOurs)
    const open = isOurs && !slave.drained && !slave.trouble?.resting
    const hasRoom = open && roomOf(slave) > 0
    if (hasRoom && !free.has(slave.place)) freed.add(slave.place)
    mark(free, slave.place, hasRoom)
    const askable = slave.reach.by !== 'http' || slave.trouble ? roomOf(slave) > 0 : true
    if (ask === 'always') mark(candidates, slave.place, open && askable)
  }

  /**
   * Removes offers from those that are on their way to a slave, which may have room then. Gives them in the
   * order of `attempts`; undefined where there is none.
   */
  function takeOffers(slave: Slave, attempts: readonly string[]): (OpenOffer | undefined)[] {
    const offers = attempts.map((attempt) => slave.offers.get(attempt))
    for (const attempt of attempts) slave.offers.delete(attempt)
    if (offers.some((offer) => offer !== undefined)) refresh(slave)
    return offers
  }

  /** The same of one. */
  function takeOffer(slave: Slave, attempt: string): void {
    if (slave.offers.delete(attempt)) refresh(slave)
  }

  function mark(set: Bitset, place: number, member: boolean): void {
    if (member) set.set(place)
    else set.clear(place)
  }

  /** To be read: what is asked about need not be a kind. */
  const whoHas = (ability: string): Bitset => able.get(ability) ?? asked.get(ability)?.set ?? NOBODY

  /** To be written. */
  function ableTo(kind: string): Bitset {
    const known = able.get(kind)
    if (known) return known
    const set = new Bitset()
    able.set(kind, set)
    return set
  }

  return {
    add,
    remove,
    introduce,
    hear,
    refresh,
    takeOffers,
    takeOffer,
    byName,
    freed,
    /** Whether one of the freed slaves has the ability and still has room. */
    isFreedFor(ability: string): boolean {
      const able = whoHas(ability)
      for (const place of freed) if (able.has(place) && free.has(place)) return true
      return false
    },
    get slots() {
      return slots
    },
    /** Sets of needs that are kept in step with the slaves. */
    get abilityCount() {
      return asked.size
    },
    /** One past the last place. */
    get end() {
      return places.length
    },
    at: (place: number) => places[place],
    all: () => places.filter((slave) => slave !== undefined),
    some: (is: (slave: Slave) => boolean) =>
      places.some((slave) => slave !== undefined && is(slave)),
    // An ability is named by its kind, or as `track` named it.
    track,
    release,
    disable,
    /** First candidate for an ability at or after a place, those in `not` left out; or -1. */
    next: (ability: string, not: Bitset | null, from: number) =>
      Bitset.nextOf(candidates, whoHas(ability), not ?? undefined, from),
    /** How many slaves are alive and report here, and how many of these have the ability. */
    countAlive: (ability: string) => ({
      alive: alive.count(),
      able: Bitset.countBoth(alive, whoHas(ability)),
    }),
    has: (slave: Slave, ability: string): boolean => whoHas(ability).has(slave.place),
    /** The same of those that have room as far as is known: what waits is not asked about in vain. */
    nextFree: (ability: string, not: Bitset | null, from: number) =>
      Bitset.nextOf(free, whoHas(ability), not ?? undefined, from),
    /** Whether a slave has ever offered the kind, as far as this master and its store know. */
    isKnown: (kind: string): boolean => known.has(kind),
    /** From the store. */
    know: (kinds: string[]): void => {
      for (const kind of kinds) known.add(kind)
    },
    /** Kinds that became known since this was last asked: to be saved. */
    takeUnsaved(): string[] {
      if (unsaved.length === 0) return unsaved
      const kinds = unsaved
      unsaved = []
      return kinds
    },
    /** First slave at or after a place that has the ability (null: any), whatever its standing; or -1. */
    nextAble: (ability: string | null, from: number) =>
      (ability === null ? taken : whoHas(ability)).next(from),
    /** How many slaves from a place to before another have the ability. */
    countAble: (ability: string | null, from: number, upTo: number) =>
      (ability === null ? taken : whoHas(ability)).countIn(from, upTo),
    setDrained: (slave: Slave, drained: boolean) => {
      slave.drained = drained
      refresh(slave)
    },
    setStanding: (slave: Slave, standing: Slave['standing']) => {
      slave.standing = standing
      refresh(slave)
    },
  }
}

/**
 * How many attempts the slave does not count yet in what it says. Those whose poll is over for it have
 * come with that or never will: from now on its lists tell.
 */
function onTheirWay(slave: Slave, { generation, polled = -1 }: SlaveState): number {
  if (slave.reach.by !== 'poll') return 0
  const { handed } = slave.reach
  let uncounted = 0
  for (const [attempt, number] of handed) {
    const held = slave.held.get(attempt)
    if (held && number > polled) {
      uncounted++
      continue
    }
    handed.delete(attempt)
    if (held) held.generation = Math.min(held.generation, generation - 1)
  }
  return uncounted
}

/**
 * Free slots as far as the master can know: what the slave said, less the offers on their way. A
 * slave that pulls has room only while it polls.
 */
export function roomOf(slave: Slave): number {
  if (!isReachable(slave)) return 0
  const room = slave.mode === 'accepting' ? slave.free - slave.offers.size : 0
  if (!slave.trouble) return room
  // On trial: one offer at a time.
  return slave.trouble.resting ? 0 : Math.min(room, 1 - slave.offers.size)
}

/** Whether it is alive but useless: more than one consecutive answer was unusable. */
export const isFaulty = ({ trouble }: Slave): boolean =>
  trouble !== null && trouble.is === 'unusable' && trouble.count > 1

/** Whether it reports to another master, so that its outcomes do not arrive here. */
export const isElsewhere = ({ reports }: Slave): boolean => typeof reports === 'object'

/** Whether it is alive and usable, however busy it is. */
export const isOfUse = (slave: Slave): boolean =>
  slave.standing === 'alive' && !isElsewhere(slave) && !isFaulty(slave)

/** Whether it accepts tasks at all: usable, and neither draining nor unwilling. */
export const isOpen = (slave: Slave): boolean =>
  isOfUse(slave) && !slave.drained && slave.mode === 'accepting'

/** Whether it can accept the next task, as far as is known. */
export const isFree = (slave: Slave): boolean =>
  isOfUse(slave) && !slave.drained && roomOf(slave) > 0

/** Slots of slaves that accept tasks, and how many of them are free. */
export function slotsOf(slaves: Slave[]): { total: number; free: number } {
  const slots = { total: 0, free: 0 }
  for (const slave of slaves) {
    if (slave.standing !== 'alive' || isElsewhere(slave)) continue
    if (slave.drained || slave.mode !== 'accepting') continue
    slots.total += slave.slots
    slots.free += Math.max(0, roomOf(slave))
  }
  return slots
}

/** Whether it has just started, and has registered with no master yet. */
const isNew = ({ reports }: Slave): boolean => typeof reports === 'object' && reports.isNew

/** Whether a slave that is silent or new may have the ability: its card says so, or it was never seen. */
export const mayHave = (slave: Slave, ability: Ability): boolean =>
  (slave.standing !== 'alive' || isNew(slave)) &&
  (slave.boot === '' || lackOf(slave, ability) === null)

const nothingHeld = () => ({
  offers: new Map<string, OpenOffer>(),
  held: new Map<string, Held>(),
  refusals: new Map<string, number>(),
})

const unheard = {
  saved: false,
  standing: 'silent' as const,
  drained: false,
  boot: '',
  version: '',
  kinds: [],
  tags: [],
  features: [],
  programs: new Set<string>(),
  containment: null,
  cache: null,
  reports: 'unsaid' as const,
  generation: -1,
  slots: 0,
  free: 0,
  mode: 'accepting' as const,
  reason: '',
  heardAt: LONG_AGO,
  newsAt: LONG_AGO,
  serviceMs: 0,
  taken: 0,
  ended: 0,
  lastAnswer: null,
  trouble: null,
  dueAt: LONG_AGO,
  heapIndex: -1,
  unanswered: 0,
  askedAt: LONG_AGO,
}
