// Worlds in which tasks have needs and terms: what a slave's card says that it can do, when it says
// something else, and what tasks ask for. The rules of who can run what stand here once more, written
// apart from the master's: by them its choices are judged.

import type { Need, Terms } from '../../../master/core/needs.ts'
import type { Random } from '../../../shared/data/random.ts'
import { createRandom } from '../../../shared/data/random.ts'
import type { Commands, Feature } from '../../../shared/protocol/wire.ts'

/**
 * Sets the stream of randomness apart from the world's others. Chosen so that the seeds that tests and
 * planted bugs name have no needs: what they once showed, they still show.
 */
const TERMS_SEED = 2 ** 45 + 1721
const SHARE = 1 / 3

const PROGRAMS = ['flac', 'ffmpeg', 'sox'] as const
/** No slave has it installed, whatever it allows. */
const NOWHERE = 'nowhere'
const ALL_FEATURES: Feature[] = ['files', 'outputs', 'commands']
const TAGS = ['gpu', 'big'] as const
const STEPS_MAX = 5

/**
 * What the card of a slave says beyond its kind, and the programs that it lists although they are not
 * installed. Without features it is of an older version; without programs it has not the kind `command`.
 */
export type Skills = {
  features: readonly Feature[]
  programs: Commands['programs'] | null
  absent: readonly string[]
  tags: readonly string[]
}

/** A slave starts anew, and its card says something else. */
export type CardFault = { is: 'card'; who: number; at: number; forMs: number; skills: Skills }

/** What is unusual about a task. */
export type PlannedTerms = {
  program: string | null
  files: boolean
  outputs: boolean
  tags: string[]
  /** The one slave that may run it. */
  slave: string | null
  attemptsMax: number | null
  retryOn: number[]
  /** How its first `runs` runs end, or all of them; null: well. */
  ends: { is: 'exit'; code: number; runs: number } | { is: 'no output' } | null
}

export const PLAIN: Skills = { features: [], programs: null, absent: [], tags: [] }
const FULL: Skills = {
  features: ALL_FEATURES,
  programs: 'any',
  absent: [NOWHERE],
  tags: TAGS,
}

type Plan = { slaves: readonly { reach: string }[]; tasks: readonly { nature: string }[] }
/** `isHopeless`: no slave can run it in the end, so that it may not wait. */
type Drawn = { terms: PlannedTerms | null; isHopeless: boolean }

/**
 * What a third of all worlds have: cards of slaves, terms of tasks, and cards that change. One slave that
 * registers, if any does, can do everything in the end, so that what was accepted can end. No card changes
 * in a calm world. Null: a world without.
 */
export function drawTerms(
  seed: number,
  plan: Plan,
  faultyMs: number,
  isCalm: boolean,
): { skills: Skills[]; tasks: Drawn[]; faults: CardFault[] } | null {
  const random = createRandom(seed + TERMS_SEED)
  if (random.next() >= SHARE) return null
  const able = plan.slaves.flatMap(({ reach }, i) => (reach === 'simple' ? [] : [i]))
  const keeper = able.length === 0 ? null : pick(random, able)
  const drawn = plan.slaves.map(({ reach }) => (reach === 'simple' ? PLAIN : drawSkills(random)))
  const tasks = plan.tasks.map(({ nature }) => drawTask(random, nature, plan.slaves.length, keeper))
  const isSteady = isCalm || keeper === null
  const faults = isSteady ? [] : drawFaults(random, able, keeper, faultyMs)
  const skills = drawn.map((each, i) => (isSteady && i === keeper ? FULL : each))
  return { skills, tasks, faults }
}

function drawFaults(random: Random, able: number[], keeper: number, faultyMs: number): CardFault[] {
  const lastAt = faultyMs * random.next()
  const fault = (): CardFault => ({
    is: 'card',
    who: pick(random, able),
    at: faultyMs * random.next(),
    forMs: random.exponential(300),
    skills: drawSkills(random),
  })
  const steps = Array.from({ length: random.integer(STEPS_MAX) }, fault)
  const last: CardFault = { ...fault(), who: keeper, at: lastAt, skills: FULL }
  return [...steps.filter(({ who, at }) => who !== keeper || at < lastAt), last]
}

function drawSkills(random: Random): Skills {
  const tags = TAGS.filter(() => random.next() < 0.6)
  if (random.next() < 0.2) return { ...PLAIN, tags }
  const features = ALL_FEATURES.filter(() => random.next() < 0.8)
  if (random.next() < 0.2) return { features, programs: null, absent: [], tags }
  const some = PROGRAMS.filter(() => random.next() < 0.7)
  const programs = random.next() < 0.2 ? 'any' : some
  const listed = programs === 'any' ? PROGRAMS : programs
  const absent = listed.filter(() => random.next() < 0.15)
  return { features, programs, absent: programs === 'any' ? [...absent, NOWHERE] : absent, tags }
}

function drawTask(random: Random, nature: string, slaves: number, keeper: number | null): Drawn {
  if (random.next() < 0.4) return { terms: null, isHopeless: false }
  const program = random.next() < 0.6 ? pick(random, PROGRAMS) : null
  const isNowhere = program !== null && random.next() < 0.1
  const files = random.next() < 0.4
  const outputs = random.next() < 0.3
  const tags = TAGS.filter(() => random.next() < 0.15)
  const named = random.next() < 0.7 && keeper !== null ? keeper : random.integer(slaves)
  const isNamed = random.next() < 0.1
  const terms: PlannedTerms = {
    program: isNowhere ? NOWHERE : program,
    files,
    outputs,
    tags,
    slave: isNamed ? `slave-${named}` : null,
    attemptsMax: pick(random, program === null ? [null, null, 1, 2, 5] : [1, 1, 2, 3, 5, null]),
    retryOn: program === null ? [] : pick(random, [[], [75], [75, 3]]),
    ends: nature === 'plain' ? drawEnds(random, program !== null, outputs) : null,
  }
  const hasNeeds = program !== null || files || outputs || tags.length > 0 || isNamed
  const isLost = isNowhere || (isNamed && named !== keeper)
  if (!hasNeeds && terms.attemptsMax === null) return { terms: null, isHopeless: false }
  return { terms, isHopeless: isLost || (hasNeeds && keeper === null) }
}

function drawEnds(random: Random, isProgram: boolean, outputs: boolean): PlannedTerms['ends'] {
  if (isProgram && random.next() < 0.3) {
    return { is: 'exit', code: pick(random, [1, 3, 75, 75]), runs: 1 + random.integer(3) }
  }
  return outputs && random.next() < 0.1 ? { is: 'no output' } : null
}

type Termed = { terms: PlannedTerms | null }

/** The kind of a task, and its terms as a request makes them (master/http/task-requests.ts). */
export function askOf({ terms }: Termed): { kind: string; terms: Terms | null } {
  if (terms === null) return { kind: 'cube', terms: null }
  const { program, files, outputs, tags, slave, attemptsMax, retryOn } = terms
  const needs: Need[] = tags.map((name) => ({ is: 'tag', name }))
  if (slave !== null) needs.push({ is: 'slave', name: slave })
  if (files) needs.push({ is: 'feature', name: 'files' })
  if (outputs) needs.push({ is: 'feature', name: 'outputs' })
  if (program === null) return { kind: 'cube', terms: { needs, attemptsMax, retryOn } }
  needs.push({ is: 'feature', name: 'commands' }, { is: 'program', name: program })
  return { kind: 'command', terms: { needs, attemptsMax, retryOn } }
}

const SHA256 = '0123456789abcdef'.repeat(4)

/** What its offers carry, as the master keeps it (master/dispatch/task-work.ts). */
export function workOf({ terms }: Termed): string | null {
  const file = { name: 'in', url: `/blobs/${SHA256}`, bytes: 1, sha256: SHA256 }
  const parts = [
    ...(terms?.files ? [`"files":${JSON.stringify([file])}`] : []),
    ...(terms?.outputs ? ['"outputs":["out"]'] : []),
  ]
  return parts.length === 0 ? null : parts.join()
}

/** The outputs of a run that ended well. */
export const outputFilesOf = ({ terms }: Termed) =>
  terms?.outputs ? { files: [{ name: 'out', bytes: 1, sha256: SHA256 }] } : {}

/** What a slave of this name with such a card lacks for a task, in words; empty when it lacks nothing. */
export function lacks(
  skills: Skills,
  { kind, terms }: { kind: string; terms: Terms | null },
  slave: string,
): string {
  if (kind === 'command' && skills.programs === null) return 'the kind "command"'
  const missing = (terms?.needs ?? []).find((need) => !hasNeed(skills, need, slave))
  return missing === undefined ? '' : `the ${missing.is} "${missing.name}"`
}

function hasNeed({ features, programs, tags }: Skills, { is, name }: Need, slave: string): boolean {
  switch (is) {
    case 'feature':
      return features.some((each) => each === name)
    case 'program':
      return programs === 'any' || programs?.includes(name) === true
    case 'tag':
      return tags.includes(name)
    case 'slave':
      return slave === name
  }
}

/** Whether its program is on the list and not installed there. */
export const isAbsent = ({ absent }: Skills, terms: Terms | null): boolean =>
  (terms?.needs ?? []).some(({ is, name }) => is === 'program' && absent.includes(name))

/** The kinds that a slave with such a card offers. */
export const kindsOf = ({ programs }: Skills): string[] =>
  programs === null ? ['cube'] : ['cube', 'command']

const pick = <T>(random: Random, items: readonly T[]): T => items[random.integer(items.length)] as T
