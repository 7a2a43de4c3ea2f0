// Refuses a text that nests too deeply, in one pass and without recursion, before the parser could
// run out of stack: where a stack ends is not the same on every slave.
//
// Counts open brackets, and inside each what mathjs's parser recurses on: chains of powers and
// signs (they end at the next operator of lower rank), conditions and assignments (they end with
// the statement). Texts and comments are stepped over as mathjs does it; a quote that could be
// read in two ways is refused.

import { TaskFailure } from '../kind.ts'
import { LIMITS } from './limits.ts'

const OPENING = '([{'
const CLOSING = ')]}'
const ENDING = ',;\n'
const BINARY = '*/%<>&|:'
/** After these an operand has ended: a sign is an operation, a quote transposes. */
const OPERAND_ENDS = ')]}\'"!.'
const WORD = /[\w$\u0080-\uffff]/
const OPERATOR_WORD = /(?:mod|to|in|and|xor|or|not)$/

/** Up to the limit's number of characters nothing can nest too deeply, so most texts cost nothing. */
export function checkNesting(text: string): void {
  if (text.length > LIMITS.bracketDepthMax) createScan(text)()
}

function createScan(text: string) {
  /** Place of the last character that counts; -1 at the start. */
  let last = -1
  /** The bracket that is open now: its chain of powers and signs, its conditions. */
  let here = { chain: 0, branch: 0 }
  const open: (typeof here)[] = []
  let depth = 0

  function deeper(by: 'chain' | 'branch', at: number): void {
    here[by] += 1
    depth += 1
    if (depth > LIMITS.bracketDepthMax) tooDeep(at)
  }
  function ends(by: 'chain' | 'branch'): void {
    depth -= here[by]
    here[by] = 0
  }
  function opens(at: number): void {
    open.push(here)
    here = { chain: 0, branch: 0 }
    depth += 1
    if (depth > LIMITS.bracketDepthMax) tooDeep(at)
  }
  function closes(): void {
    ends('chain')
    ends('branch')
    const outer = open.pop()
    if (!outer) return
    depth -= 1
    here = outer
  }

  function operator(char: string, at: number): void {
    if (char === '^') deeper('chain', at)
    else if (char === '?' || char === '=') condition(char, at)
    else if (char === '~') deeper('chain', at)
    else if (BINARY.includes(char)) ends('chain')
    else if (char === '+' || char === '-') {
      if (operandEnded()) ends('chain')
      else deeper('chain', at)
    }
  }
  function condition(char: string, at: number): void {
    const [before, after] = [text[at - 1] ?? '', text[at + 1] ?? '']
    const isBinary =
      char === '='
        ? after === '=' || '=<>!'.includes(before)
        : after === '?' || before === '?' || (after === '.' && !/\d/.test(text[at + 2] ?? ''))
    if (isBinary && before !== '') ends('chain')
    else deeper('branch', at)
  }

  function operandEnded(): boolean {
    const char = text[last] ?? ''
    if (!WORD.test(char)) return char !== '' && OPERAND_ENDS.includes(char)
    return !OPERATOR_WORD.test(wordBefore())
  }
  /** The letters and digits that end at `last`. */
  function wordBefore(): string {
    let start = last
    while (start > 0 && WORD.test(text[start - 1]!)) start -= 1
    return text.slice(start, last + 1)
  }

  /** Whether a single quote begins a text here; else it transposes what stands before. */
  function beginsText(at: number): boolean {
    const char = text[last] ?? ''
    if (!WORD.test(char)) {
      if (char === '%') ambiguous(at)
      return char === '' || !OPERAND_ENDS.includes(char)
    }
    const word = wordBefore()
    const operatorWord = OPERATOR_WORD.exec(word)?.[0]
    if (operatorWord === undefined) return false
    if (/^\d/.test(word) || text[last - word.length] === '.') ambiguous(at)
    return operatorWord === word
  }
  function endOfText(from: number): number {
    const quote = text[from]
    let at = from + 1
    while (at < text.length && text[at] !== quote) at += text[at] === '\\' ? 2 : 1
    return at
  }

  return function scan(): void {
    for (let at = 0; at < text.length; at += 1) {
      const char = text[at]!
      if (char === ' ' || char === '\t' || char === '\u00a0') continue
      if (char === '\n' && open.length > 0) continue
      if (char === '#') {
        while (at + 1 < text.length && text[at + 1] !== '\n') at += 1
        continue
      }
      if (char === '"' || (char === "'" && beginsText(at))) at = endOfText(at)
      else if (OPENING.includes(char)) opens(at)
      else if (CLOSING.includes(char)) closes()
      else if (ENDING.includes(char)) {
        ends('chain')
        ends('branch')
      } else if (char === 'n' && /^not(?![\w$])/.test(text.slice(at, at + 4))) deeper('chain', at)
      else operator(char, at)
      last = at
    }
  }
}

function tooDeep(at: number): never {
  const message = `the expression nests more than ${LIMITS.bracketDepthMax} deep (char ${at + 1})`
  throw new TaskFailure('rejected-expression', message)
}

function ambiguous(at: number): never {
  const message = `a quote that may begin a string or mean transpose (char ${at + 1}): add a bracket`
  throw new TaskFailure('rejected-expression', message)
}
