// In a child, inside a copy of the tree that has one bug: some worlds of which the parent knows, then
// those of ever more seeds, then as many about polls, until one fails. The parent hears of each, so
// that it notices a world that never ends.

import { POLLS_FROM } from '../plan.ts'
import { runWorld } from '../world.ts'

export type Report =
  | { is: 'held'; seed: number }
  | { is: 'broken'; seed: number; kind: string; words: string }

const [from = 1, seeds = 0, ...first] = process.argv.slice(2).map(Number)
const more = Array.from({ length: seeds }, (_, i) => from + i)
for (const seed of [...first, ...more, ...more.map((each) => each + POLLS_FROM)]) {
  try {
    await runWorld(seed)
    say({ is: 'held', seed })
  } catch (error) {
    const { name: kind, message: words } = error as Error
    say({ is: 'broken', seed, kind, words })
    break
  }
}
process.disconnect?.()

function say(report: Report): void {
  process.send?.(report)
}
