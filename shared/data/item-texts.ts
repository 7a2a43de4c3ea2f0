// The texts of one value in each item of a list in a JSON body: inputs of offers, results of outcomes. As
// `scan` (raw-json.ts), in a third of its time: it runs for each task on each side, and nothing is made
// for the values that are passed over. The text must be valid: whoever has it has parsed it.

import {
  afterString,
  CLOSE_LIST,
  CLOSE_OBJECT,
  COMMA,
  isBlank,
  isEnd,
  isName,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
} from './json-bytes.ts'

/**
 * Of each item of the list `list` of an object: the text of the value at `path`, names of members from the
 * item on; undefined where there is none. No list: no items. Of a name that stands twice the last counts,
 * as in JSON.parse.
 */
export function itemTexts(
  bytes: Buffer,
  list: string,
  path: readonly string[],
): (string | undefined)[] {
  return new Walker(bytes, path).textsOf(list)
}

class Walker {
  readonly #bytes: Buffer
  readonly #path: readonly string[]
  #at = 0
  /** Where the value of this item stands; -1: nowhere. */
  #start = -1
  #end = -1

  constructor(bytes: Buffer, path: readonly string[]) {
    this.#bytes = bytes
    this.#path = path
  }

  textsOf(list: string): (string | undefined)[] {
    let texts: (string | undefined)[] = []
    this.#blank()
    if (this.#bytes[this.#at] !== OPEN_OBJECT) return texts
    for (this.#at++; this.#isBeforeMore(CLOSE_OBJECT); ) {
      if (this.#name(list)) texts = this.#items()
      else this.#pass()
    }
    return texts
  }

  #items(): (string | undefined)[] {
    const texts: (string | undefined)[] = []
    if (this.#bytes[this.#at] !== OPEN_LIST) {
      this.#pass()
      return texts
    }
    for (this.#at++; this.#isBeforeMore(CLOSE_LIST); ) {
      this.#start = -1
      this.#find(0)
      const isThere = this.#start >= 0
      texts.push(isThere ? this.#bytes.toString('utf8', this.#start, this.#end) : undefined)
    }
    return texts
  }

  /** Reads the value here, and notes where the one at the rest of the path stands. */
  #find(level: number): void {
    const start = this.#at
    if (level === this.#path.length) {
      this.#pass()
      this.#start = start
      this.#end = this.#at
      return
    }
    if (this.#bytes[start] !== OPEN_OBJECT) return this.#pass()
    const wanted = this.#path[level] as string
    for (this.#at++; this.#isBeforeMore(CLOSE_OBJECT); ) {
      if (this.#name(wanted)) {
        this.#start = -1
        this.#find(level + 1)
      } else this.#pass()
    }
  }

  /** Goes to the next member or item, or to after the end of what they are in. */
  #isBeforeMore(close: number | undefined): boolean {
    this.#blank()
    if (this.#bytes[this.#at] === COMMA) {
      this.#at++
      this.#blank()
    }
    if (this.#bytes[this.#at] !== close) return true
    this.#at++
    return false
  }

  /** Goes over a name to its value. Whether it is this one. */
  #name(wanted: string): boolean {
    const start = this.#at
    this.#at = afterString(this.#bytes, start)
    const isWanted = isName(this.#bytes, start, this.#at, wanted)
    this.#blank()
    // The colon.
    this.#at++
    this.#blank()
    return isWanted
  }

  #blank(): void {
    while (isBlank(this.#bytes[this.#at])) this.#at++
  }

  /** To after the value that begins here. */
  #pass(): void {
    const bytes = this.#bytes
    let at = this.#at
    const first = bytes[at]
    if (first === QUOTE) at = afterString(bytes, at)
    else if (first !== OPEN_OBJECT && first !== OPEN_LIST) {
      while (at < bytes.length && !isEnd(bytes[at])) at++
    } else {
      let depth = 0
      do {
        const byte = bytes[at]
        if (byte === QUOTE) {
          at = afterString(bytes, at)
          continue
        }
        if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++
        else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--
        at++
      } while (depth > 0)
    }
    this.#at = at
  }
}
