// Puts a slave through the rules: each group of rules in a slave process of its own, several side
// by side.

import { Broken } from './broken.ts'
import type { Group, Rule } from './rule.ts'
import { GROUPS, numberOf, RULES } from './rules.ts'
import type { Session, Trial } from './session.ts'
import { createSession } from './session.ts'

export type Verdict = {
  number: number
  rule: Rule
  is: 'passed' | 'failed' | 'not tried'
  /** What was expected and seen, or why it was not tried. */
  words: string
}

export type KitOptions = Trial & {
  /** Rules that are left out. */
  skip?: string[]
  /** The only rules that are tried; all when none is named. */
  only?: string[]
  /** Slave processes side by side. */
  jobs: number
  /** Gets each verdict as it is reached. */
  onVerdict?: (verdict: Verdict) => void
}

let sessions = 0

/** Tries all rules; gives the verdicts in the order of their numbers. */
export async function runKit(options: KitOptions): Promise<Verdict[]> {
  const { skip = [], only = [], onVerdict = () => {} } = options
  const verdicts: Verdict[] = []
  const isWanted = ({ name }: Rule): boolean => only.length === 0 || only.includes(name)
  const groups = GROUPS.filter(({ rules }) => rules.some(isWanted))
  const none = (group: Group): boolean => group.rules.every((rule) => notFor(rule, options) !== '')

  const judge = (rule: Rule, is: Verdict['is'], words = ''): void => {
    const verdict = { number: numberOf(rule.name), rule, is, words }
    verdicts.push(verdict)
    onVerdict(verdict)
  }

  const waiting = [...groups]
  async function takeGroups(): Promise<void> {
    for (let group = waiting.shift(); group; group = waiting.shift()) await tryGroup(group)
  }

  async function tryGroup(group: Group): Promise<void> {
    if (none(group)) {
      for (const rule of group.rules.filter(isWanted)) {
        judge(rule, 'not tried', notFor(rule, options))
      }
      return
    }
    const heartbeatMs = group.heartbeatMs === null ? null : options.heartbeatMs
    const here = await createSession(options, `slave-${++sessions}`, heartbeatMs)
    try {
      group.prepare?.(here)
      const obstacle = await obstacleTo(group, here)
      for (const rule of group.rules) {
        if (!isWanted(rule)) continue
        if (skip.includes(rule.name)) judge(rule, 'not tried', 'left out')
        else if (notFor(rule, options)) judge(rule, 'not tried', notFor(rule, options))
        else if (obstacle && rule.arrival) judge(rule, 'failed', obstacle)
        else if (obstacle) judge(rule, 'not tried', obstacle)
        else if (lacks(rule, here)) judge(rule, 'not tried', lacks(rule, here))
        else await tryRule(rule, here)
      }
    } finally {
      await here.close()
    }
  }

  async function tryRule(rule: Rule, here: Session): Promise<void> {
    const misfits = here.master.misfits.length
    try {
      await rule.run(here)
      judge(rule, 'passed')
    } catch (error) {
      const words = error instanceof Broken ? error.message : `the kit stumbled: ${error}`
      const misfit = here.master.misfits[misfits]
      const also = misfit ? `; ${misfit.path}: ${misfit.words}` : ''
      judge(rule, 'failed', words + also)
    }
    if (rule !== RULES.at(-1) && !here.subject.hasEnded()) await here.settle()
  }

  await Promise.all(Array.from({ length: options.jobs }, takeGroups))
  return verdicts.toSorted((a, b) => a.number - b.number)
}

/** Why a rule is not for a slave of this sort; empty if it is. */
function notFor({ only }: Rule, { pull = false }: Trial): string {
  if (only === undefined || (only === 'pull') === pull) return ''
  return `not for ${pull ? 'pull slaves' : 'slaves that are asked'}`
}

/** Which feature the slave does not name, in words; empty: none that the rule needs. */
const lacks = ({ feature }: Rule, { registration }: Session): string =>
  feature === undefined || registration.features?.includes(feature)
    ? ''
    : `it does not name the feature ${feature}`

/** Starts the slave of a group. Gives why its rules cannot be tried, in words; empty if they can. */
async function obstacleTo(group: Group, here: Session): Promise<string> {
  if (!(await here.start())) {
    const { misfits } = here.master
    const why = misfits[0] ? `${misfits[0].path}: ${misfits[0].words}` : here.subject.stderr()
    return `it did not register${why ? `; ${why.slice(-400)}` : ''}`
  }
  const kind = group.needs ?? here.trial.kind
  const { kinds, commands } = here.registration
  if (!kinds.includes(kind)) return `it does not offer ${kind}`
  const { program } = group
  if (program === undefined || !commands || commands.programs === 'any') return ''
  return commands.programs.includes(program) ? '' : `it does not run ${program}`
}
