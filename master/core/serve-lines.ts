// Offers queued tasks to slaves that have become available. Pure.
//
// Between two steps no head of a queue has an available slave. So only the queues that got a task in this
// step matter (`entered`), and those of what slaves can do whose room or abilities have grown in it
// (`registry.freed`): however many queues wait for other slaves, they cost next to nothing.

import type { Monotonic } from '../../shared/data/clock.ts'
import { offer, pick } from './asking.ts'
import type { Context } from './context.ts'
import { before, leaveLine, restUnwilling } from './queue.ts'
import type { Slave, Task } from './state.ts'

/** Offers queued tasks, best first, while a slave is available. */
export function serveLines(core: Context, now: Monotonic): void {
  const { entered, registry } = core
  if (core.waiting > 0) {
    for (let next = bestHead(core, now); next; next = bestHead(core, now)) {
      leaveLine(core, next.task)
      offer(core, next.task, next.slave, now)
    }
  }
  entered.clear()
  registry.freed.clear()
  // Restored tasks, which wait until slaves have said what they hold, have had their turn.
  if (now >= core.graceUntil) core.restored = 0
}

/** The best queue head for which a slave is available now. */
function bestHead(core: Context, now: Monotonic) {
  let best: { task: Task; slave: Slave } | undefined
  for (const ability of changedLines(core)) {
    const head = headOf(core, ability, now)
    if (head && (!best || before(head.task, best.task))) best = head
  }
  return best
}

/** The queues whose heads may have a slave now. */
function changedLines({ lines, entered, registry, restored }: Context): Iterable<string> {
  if (restored > 0) return lines.keys()
  if (registry.freed.size === 0) return entered
  return [...lines.keys()].filter((ability) => entered.has(ability) || registry.isFreedFor(ability))
}

/** The head of a queue, with its slave; undefined when none is available for it. */
function headOf(core: Context, ability: string, now: Monotonic) {
  const line = core.lines.get(ability)
  for (let task = line?.peek(); task; task = line?.peek()) {
    if (task.number < core.restored && now < core.graceUntil) return
    const place = pick(core, task, core.registry.nextFree)
    const slave: Slave | undefined = place < 0 ? undefined : core.registry.at(place)
    if (slave) return { task, slave }
    if (!task.asked || core.registry.nextFree(task.ability, null, 0) < 0) return
    // The only free slaves have refused this task: the next one goes first.
    leaveLine(core, task)
    restUnwilling(core, task, now)
  }
}
