// Slaves that beat well and answer probes, and whose answers to offers no master can use: a proxy in
// front of them, another service at their port, a fault of their own. However they answer, the requests
// to one are bounded.

import type { Random } from '../../../shared/data/random.ts'
import { createRandom } from '../../../shared/data/random.ts'
import { check } from './ledger.ts'
import { nameOf } from './network.ts'

/** Sets the stream of randomness apart from the world's others. */
const ODD_SEED = 2 ** 44
const SHARE = 0.2
const SPELLS_MAX = 3

const SAYS = ['403', '500', '500 though it took it', 'something else', 'nothing'] as const
export type Says = (typeof SAYS)[number]

/** A slave answers offers so for a time; with `revokes` also revokes. */
export type OddFault = {
  is: 'odd'
  who: number
  at: number
  forMs: number
  says: Says
  revokes: boolean
}

type Slaves = { slots: number; reach: string }[]

/** In most worlds none. Drawn apart: all other worlds are as they would be without. */
export function drawOdd(seed: number, slaves: Slaves, faultyMs: number): OddFault[] {
  const random = createRandom(seed + ODD_SEED)
  const asked = slaves.flatMap(({ reach }, i) => (reach === 'asked' ? [i] : []))
  if (random.next() >= SHARE || asked.length === 0) return []
  const draw = (): OddFault => drawSpell(random, asked, faultyMs)
  return Array.from({ length: 1 + random.integer(SPELLS_MAX) }, draw)
}

function drawSpell(random: Random, asked: number[], faultyMs: number): OddFault {
  return {
    is: 'odd',
    who: asked[random.integer(asked.length)] as number,
    at: random.next() * faultyMs,
    forMs: random.exponential(6_000),
    says: SAYS[random.integer(SAYS.length)] as Says,
    revokes: random.next() < 0.3,
  }
}

/** The rests of master/core/backoff.ts begin with this. In milliseconds. */
const REST_MS = 250
/** A first unusable answer costs no rest; two usable ones may still come of offers made before. */
const FREE = 4
/** The master waits so long for an answer to offers. In milliseconds. */
export const ASK_TIMEOUT_MS = 400
/** Each beat may find an attempt that is to be revoked, and each offer may leave one. */
const REVOKES_PER_OFFER = 2

/**
 * Offers of one moment travel as one list, however many tasks came at that moment: they count once.
 * `unheard`: offers that were made before the first answer was late, which are not bounded but leave attempts
 * to revoke, too.
 */
type Count = { since: number; lastAt: number; offers: number; unheard: number; revokes: number }

/** What slaves answer now, and how often they were asked meanwhile. */
export function createOddAnswers(given: {
  faults: readonly { is: string }[]
  slaves: Slaves
  heartbeatMs: number
  ask: 'known' | 'always'
  now: () => number
  isHealed: () => boolean
  /** Names this run of the master and of that slave: another knows nothing of what was before. */
  runs: (slave: number) => string
}) {
  const { slaves, heartbeatMs, now, isHealed, runs } = given
  const spells = given.faults.filter((fault): fault is OddFault => fault.is === 'odd')
  const counts = new Map<string, Count>()

  return {
    /** What the slave at an address says to an offer, or a revoke; null: what it should. */
    says(url: string, to: 'offer' | 'revoke'): Says | null {
      const spell = spellOf(nameOf(url))
      return spell && (to === 'offer' || spell.revokes) ? spell.says : null
    },

    /** The master sends it a request. Throws a Violation when it was one too many. */
    asks(slave: string, to: 'offer' | 'revoke'): void {
      const spell = spellOf(slave)
      if (!spell) return
      const key = `${spells.indexOf(spell)} ${runs(spell.who)}`
      const fresh = { since: now(), lastAt: Number.NaN, offers: 0, unheard: 0, revokes: 0 }
      const count = counts.get(key) ?? fresh
      counts.set(key, count)
      // Who is always asked is asked for each task that comes until the first answer is late.
      const isUnheard = given.ask === 'always' && now() - count.since < ASK_TIMEOUT_MS
      if (to === 'revoke') count.revokes++
      else if (isUnheard) count.unheard++
      else if (count.lastAt !== now()) count.offers++
      if (to === 'offer') count.lastAt = now()
      const ms = now() - count.since
      const slots = slaves[spell.who]?.slots ?? 0
      // Each rest is twice as long as the one before.
      const offersMax = slots + FREE + Math.log2(1 + ms / REST_MS)
      const revokesMax = REVOKES_PER_OFFER * (offersMax + count.unheard) + ms / heartbeatMs
      const words = `${slave} says ${spell.says} to offers: in ${ms.toFixed()} ms it had`
      check(count.offers <= offersMax, `${words} ${count.offers} lists of offers`)
      check(count.revokes <= revokesMax, `${words} ${count.revokes} revokes`)
    },
  }

  function spellOf(name: string): OddFault | undefined {
    if (isHealed()) return undefined
    return spells.find(
      ({ who, at, forMs }) => name === `slave-${who}` && at <= now() && now() < at + forMs,
    )
  }
}
