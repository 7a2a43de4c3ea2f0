// What a task needs of a slave besides its kind, and what an operator or client set for it beyond the
// usual. Pure. A slave that lacks a need is never asked.

import type { Needs } from '../../shared/protocol/api/task-body.ts'
import type { Feature } from '../../shared/protocol/wire.ts'

/** `feature`: the slave can do this. `program`: it runs this program. `tag`: it has it. `slave`: it is this one. */
export type Need =
  | { is: 'feature'; name: Feature }
  | { is: 'program'; name: string }
  | { is: 'tag'; name: string }
  | { is: 'slave'; name: string }

/** What is unusual about a task. Most tasks have none. */
export type Terms = {
  needs: readonly Need[]
  /** How often it is tried; null: as the settings say. */
  attemptsMax: number | null
  /** Exit codes of its program after which it is tried again. */
  retryOn: readonly number[]
}

/** A kind with needs: what a slave must be able to do for some task. */
export type Ability = { kind: string; needs: readonly Need[] }

/** Names an ability: the kind alone where it needs nothing more. Kinds have no spaces. */
export function abilityName({ kind, needs }: Ability): string {
  if (needs.length === 0) return kind
  return `${kind} ${needs.map(({ is, name }) => `${is}=${encodeURIComponent(name)}`).join(' ')}`
}

/** What the card of a slave says that it is and can do. */
export type Able = {
  name: string
  tags: readonly string[]
  kinds: readonly string[]
  /** Some of FEATURES, and what other versions have. */
  features: readonly string[]
  /** The programs that it runs. */
  programs: ReadonlySet<string> | 'any'
}

/** What a slave lacks for a task, by its card. `said`: its card does not tell, but its answer to such a task. */
export type Lack = CardLack | { is: 'said' }
type CardLack = { is: 'no kind'; kind: string } | { is: 'no need'; need: Need }

/** The first thing that a slave lacks; null when it can run such a task. */
export function lackOf(slave: Able, { kind, needs }: Ability): CardLack | null {
  if (!slave.kinds.includes(kind)) return { is: 'no kind', kind }
  const need = needs.find((each) => !has(slave, each))
  return need === undefined ? null : { is: 'no need', need }
}

function has({ name, tags, features, programs }: Able, need: Need): boolean {
  switch (need.is) {
    case 'feature':
      return features.includes(need.name)
    case 'program':
      return programs === 'any' || programs.has(need.name)
    case 'tag':
      return tags.includes(need.name)
    case 'slave':
      return name === need.name
  }
}

/** The same in words, as slaves say it. */
export function lackInWords(lack: Lack): string {
  if (lack.is === 'said') return 'was unable to run such a task'
  if (lack.is === 'no kind') return `does not offer "${lack.kind}"`
  const { is, name } = lack.need
  switch (is) {
    case 'feature':
      return `is of a version without "${name}"`
    case 'program':
      return `does not run "${name}"`
    case 'tag':
      return `has no tag "${name}"`
    case 'slave':
      return `is not "${name}"`
  }
}

/** What a client said that a task needs; undefined: nothing. */
export function saidNeeds(needs: readonly Need[]): Needs | undefined {
  const slaveTags = needs.flatMap(({ is, name }) => (is === 'tag' ? [name] : []))
  const slave = needs.find(({ is }) => is === 'slave')?.name
  if (slaveTags.length === 0 && slave === undefined) return undefined
  return { ...(slaveTags.length > 0 ? { slaveTags } : {}), ...(slave ? { slave } : {}) }
}

/** The same as the core takes it. */
export const needsOf = ({ slaveTags = [], slave }: Needs): Need[] => [
  ...[...new Set(slaveTags)].map((name) => ({ is: 'tag', name }) as const),
  ...(slave === undefined ? [] : [{ is: 'slave', name: slave } as const]),
]
