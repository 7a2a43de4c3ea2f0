// What the mutation tester prints: a line per file, the survivors, and the score.

import { shortened } from './mutant.ts'
import type { Judged, Verdict } from './run.ts'

/** Prints it and gives the score in percent: killed of all. Without mutants it is 100. */
export function report(judged: Judged[], print: (line: string) => void): number {
  const files = [...new Set(judged.map(({ mutant }) => mutant.file))].toSorted()
  const survivors = judged
    .filter(({ verdict }) => verdict === 'survived' || verdict === 'unreached')
    .toSorted((a, b) => a.mutant.file.localeCompare(b.mutant.file) || a.mutant.line - b.mutant.line)
  for (const { mutant, verdict } of survivors) {
    const { file, line, within, code, mutation } = mutant
    const to = shortened(mutation.replacement) || 'nothing'
    const mark = verdict === 'unreached' ? '  (no test reaches it)' : ''
    print(`${file}:${line}  ${within}  ${code} → ${to}${mark}`)
  }
  print(
    '\nfile                                      mutants  killed  overdue  survived  unreached   score',
  )
  for (const file of files) {
    print(
      row(
        file,
        judged.filter(({ mutant }) => mutant.file === file),
      ),
    )
  }
  print(row('all', judged))
  return scoreOf(judged)
}

const count = (judged: Judged[], verdict: Verdict): number =>
  judged.filter((each) => each.verdict === verdict).length

export const scoreOf = (judged: Judged[]): number =>
  judged.length === 0
    ? 100
    : (100 * (count(judged, 'killed') + count(judged, 'overdue'))) / judged.length

function row(name: string, judged: Judged[]): string {
  const figures = [
    String(judged.length).padStart(7),
    String(count(judged, 'killed')).padStart(6),
    String(count(judged, 'overdue')).padStart(7),
    String(count(judged, 'survived')).padStart(8),
    String(count(judged, 'unreached')).padStart(9),
    `${scoreOf(judged).toFixed(1)} %`.padStart(8),
  ]
  return `${name.padEnd(40)}  ${figures.join('  ')}`
}
