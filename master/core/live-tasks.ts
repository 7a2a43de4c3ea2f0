// Adds tasks to the live ones, and removes them: with them what the registry knows of their needs. Pure.

import type { Monotonic } from '../../shared/data/clock.ts'
import type { Context } from './context.ts'
import type { NewTask, Task } from './state.ts'
import { createTask } from './task.ts'

const NO_NEEDS = [] as const

/** Makes a task live. */
export function addTask(core: Context, given: NewTask, now: Monotonic): Task {
  const { kind, terms = null } = given
  // Most tasks need nothing but their kind.
  const ability =
    terms === null || terms.needs.length === 0
      ? kind
      : core.registry.track({ kind, needs: terms.needs })
  const task = createTask(given, ability, core.tasksSoFar++, now)
  core.live.set(task.id, task)
  return task
}

/** It has ended, or was refused. */
export function dropTask(core: Context, task: Task): void {
  core.live.delete(task.id)
  if (task.ability !== task.kind) core.registry.release(task.ability)
}

/** What a slave must be able to do for it. */
export const abilityOf = ({ kind, terms }: Pick<Task, 'kind' | 'terms'>) => ({
  kind,
  needs: terms?.needs ?? NO_NEEDS,
})

/** How often a task is tried. */
export const attemptsMaxOf = ({ settings }: Context, { terms }: Task): number =>
  terms?.attemptsMax ?? settings.attemptsMax
