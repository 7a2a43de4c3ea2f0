// What a phase has seen, line by line, each held against its bound where it has one.

/** `holds`: null where there is no bound. */
export type Figure = { name: string; is: string; bound: string; holds: boolean | null }

export const plain = (name: string, is: string): Figure => ({ name, is, bound: '', holds: null })

/** A figure that must be true of a run. NaN never is. */
export const must = (name: string, is: string, bound: string, holds: boolean): Figure => ({
  name,
  is,
  bound,
  holds,
})

/** That no client met what it should not. */
export function noErrors(errors: Map<string, number>): Figure {
  const said = [...errors].map(([words, count]) => `${count} x ${words}`).join('; ')
  return must('errors', said || 'none', 'none', errors.size === 0)
}

/** So many must be left when those that the machine's own stalls touched are taken out. */
const UNDISTURBED_MIN = 0.7

/** That enough was measured while the machine itself ran. */
export function enoughLeft(left: number, all: number, stalls: number): Figure[] {
  if (left === all) return []
  const is = `${percent(left / all)} of all (the load stood still ${stalls} times)`
  return [must('undisturbed', is, `>= ${percent(UNDISTURBED_MIN)}`, left >= UNDISTURBED_MIN * all)]
}

export const ms = (value: number): string => `${value.toFixed(value < 100 ? 2 : 0)} ms`
export const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`

/** The lines of a phase. */
export function table(title: string, figures: Figure[]): string {
  const width = (of: (figure: Figure) => string): number =>
    Math.max(...figures.map((figure) => of(figure).length))
  const name = width((figure) => figure.name)
  const is = width((figure) => figure.is)
  const lines = figures.map((figure) => {
    const mark = figure.holds === null ? '' : figure.holds ? 'ok' : 'NOT OK'
    const bound = figure.bound && `bound: ${figure.bound}`
    const text = `${figure.name.padEnd(name)}  ${figure.is.padEnd(is)}  ${bound}`
    return `  ${mark.padEnd(7)}${text.trimEnd()}`
  })
  return `${title}\n${lines.join('\n')}\n`
}
