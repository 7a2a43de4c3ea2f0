// The reporter of `npm test`: a line for each file, what fails with its details, what is skipped with its
// reason, and the counts.
//
// tap's own reporters render the whole screen again for each assertion: the unit tests took 45 s of a
// core longer with `base`.

import { Transform } from 'node:stream'

/** A line of TAP about a test: its indentation, its verdict, its name, and its directive. */
const POINT = /^( *)(ok|not ok)(?: \d+)?(?: - )?(.*?)(?: # (SKIP|TODO)(.*?))?(?: # time=(.*))?$/

/** Reads TAP and writes what a person wants to know of it. */
export default class Reporter extends Transform {
  #rest = ''
  /** The subtests that are open, by depth, and whether one of their points has failed. */
  readonly #open: { name: string; failed: boolean }[] = []
  /** The line that ends the details of a failure, which are passed on; null: there are none. */
  #detailsEnd: string | null = null

  constructor() {
    super({ decodeStrings: false })
  }

  override _transform(chunk: Buffer | string, _encoding: string, done: () => void): void {
    const lines = (this.#rest + chunk.toString()).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#read(line)
    done()
  }

  override _flush(done: () => void): void {
    this.#read(this.#rest)
    done()
  }

  #read(line: string): void {
    if (this.#detailsEnd !== null) {
      this.push(`${line}\n`)
      if (line === this.#detailsEnd) this.#detailsEnd = null
      return
    }
    const depth = (/^ */.exec(line)?.[0].length ?? 0) / 4
    const subtest = /^ *# Subtest: (.*)$/.exec(line)?.[1]
    if (subtest !== undefined) this.#open[depth] = { name: subtest, failed: false }
    else if (/^(# |Bail out!)/.test(line)) this.push(`${line}\n`)
    else this.#point(line, depth)
  }

  #point(line: string, depth: number): void {
    const [, indent = '', verdict, name = '', directive, why, time] = POINT.exec(line) ?? []
    if (verdict === undefined) return
    const around = this.#open.slice(0, depth)
    const path = [...around.map((each) => each.name), name].join(' > ')
    if (directive !== undefined) this.push(`${directive.toLowerCase()} ${path}:${why}\n`)
    else if (verdict === 'not ok') {
      this.push(`not ok ${path}\n`)
      // The details of a file say how its process ended; a subtest has none besides those of its points.
      const ended = this.#open[depth]
      const isKnown = depth > 0 && ended?.name === name && ended.failed
      if (!isKnown) this.#detailsEnd = `${indent}  ...`
      for (const each of around) each.failed = true
    } else if (name.endsWith('.test.ts')) this.push(`ok ${name} ${time ?? ''}\n`)
    this.#open.length = Math.min(this.#open.length, depth)
  }
}
