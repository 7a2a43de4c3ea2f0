// The same tasks by GNU parallel on this machine and by `askfirst run` with one slave of two slots, alternating.

import { execFileSync, spawnSync } from 'node:child_process'
import { REPLACEMENTS } from '../../master/cli/run/parallel-table.ts'
import { openScope } from '../cluster/scope.ts'
import type { Figure } from '../load/figures.ts'
import { must, plain } from '../load/figures.ts'
import { openCluster, startRun } from './cluster.ts'

const SLOTS = 2
/** Of askfirst's time to that of GNU parallel. */
const RATIO = { true: 2, sleep: 1.05 }

/** Whether GNU parallel still replaces as our table says. */
function replaces(): Figure {
  const words = ['{}', '{.}', '{/}', '{//}', '{/.}'].map((each) => `[${each}]`)
  const inputs = REPLACEMENTS.map(([input]) => input)
  const args = ['--will-cite', '-k', '-j1', 'echo', ...words, ':::', ...inputs]
  const lines = execFileSync('parallel', args, { encoding: 'utf8' }).trim().split('\n')
  const differing = REPLACEMENTS.filter(
    ([, ...expected], i) => lines[i] !== expected.map((each) => `[${each}]`).join(' '),
  )
  const is = `${differing.length} of ${REPLACEMENTS.length}`
  return must('replacement strings that differ', is, '0', differing.length === 0)
}

/** The short form runs beside other work: there a ratio is shown, and fails nothing. */
function ratioOf(ratio: number, most: number, short: boolean): Figure {
  const shown = ratio.toFixed(3)
  if (short) return plain('ratio', `${shown}; whole form: <= ${most}`)
  return must('ratio', shown, `<= ${most}`, ratio <= most)
}

export async function beside(short: boolean): Promise<Figure[]> {
  const scope = openScope('run-beside')
  try {
    const { url } = await openCluster(scope, SLOTS, ['true,sleep'])
    const ofUs = async (words: string[], inputs: string[]): Promise<number> => {
      const began = performance.now()
      const { code, stderr } = await startRun(scope, url, scope.folder, [
        '--',
        ...words,
        ':::',
        ...inputs,
      ]).ran
      if (code !== 0) throw new Error(`askfirst run ended with ${code}: ${stderr}`)
      return performance.now() - began
    }
    const ofParallel = (words: string[], inputs: string[]): number => {
      const began = performance.now()
      const args = ['--will-cite', '-k', '-j', `${SLOTS}`, ...words, ':::', ...inputs]
      const { status } = spawnSync('parallel', args, { stdio: 'ignore' })
      if (status !== 0) throw new Error(`parallel ended with ${status}`)
      return performance.now() - began
    }
    const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`)
    const trues = numbers(short ? 200 : 1000)
    await ofUs(['true'], numbers(20))
    const figures: Figure[] = [replaces()]
    const ratios: number[] = []
    for (let round = 1; round <= (short ? 1 : 3); round++) {
      const theirs = ofParallel(['true'], trues) / trues.length
      const ours = (await ofUs(['true'], trues)) / trues.length
      ratios.push(ours / theirs)
      figures.push(plain('true, a task', `${ours.toFixed(1)} ms; parallel ${theirs.toFixed(1)} ms`))
    }
    const median = ratios.toSorted((a, b) => a - b)[ratios.length >> 1] as number
    figures.push(ratioOf(median, RATIO.true, short))
    const seconds = Array.from({ length: 30 }, () => '1')
    const theirs = ofParallel(['sleep'], seconds)
    const ours = await ofUs(['sleep'], seconds)
    const ratio = ours / theirs
    const both = `${(ours / 1000).toFixed(1)} s; parallel ${(theirs / 1000).toFixed(1)} s`
    figures.push(plain(`${seconds.length} tasks of a second`, both))
    figures.push(ratioOf(ratio, RATIO.sleep, short))
    return figures
  } finally {
    await scope.close()
  }
}
