// What tasks need of a slave, from the options --needs and --slave.

import type { Needs } from '../../../shared/protocol/api/task-body.ts'

export function neededBy({ needs, slave }: { needs?: string; slave?: string }): { needs?: Needs } {
  const slaveTags = needs === undefined ? {} : { slaveTags: needs.split(',') }
  const all = { ...slaveTags, ...(slave === undefined ? {} : { slave }) }
  return Object.keys(all).length === 0 ? {} : { needs: all }
}
