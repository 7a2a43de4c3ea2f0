// The order that compareNatural and sort(..., "natural") give to texts: that of the package
// javascript-natural-sort 0.7, which mathjs calls, in linear time. The package asks whether a text
// is a date with a regular expression that takes n^4 steps for n digits: 9 s for 200 of them.
//
// Everything else is the package's own algorithm, oddities included; natural-sort.test.ts compares.

const NUMBER = /^[+-]?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?$/
const HEX = /^0x[0-9a-f]+$/i
const DATE_OF_NUMBERS = /^\d{1,4}[/-]\d{1,4}[/-]\d{1,4}/
const DATE_OF_WORDS = /^\w+, \w+ \d+, \d{4}/
const WORDS_AND_COMMAS = /^[\w ,]*/

/** Whether a begins like a date: where the package has one pattern that backtracks. */
function beginsLikeDate(text: string): boolean {
  return DATE_OF_NUMBERS.test(text) || DATE_OF_WORDS.test(text) || beginsWithTime(text)
}

/** `([\w ]+,?[\w ]+)?[\w ]+,?[\w ]+\d+:\d` at the start: words, at most two commas, and a time. */
function beginsWithTime(text: string): boolean {
  const words = WORDS_AND_COMMAS.exec(text)![0]
  if (!/^:\d/.test(text.slice(words.length, words.length + 2))) return false
  const [first = '', second, third, ...more] = words.split(',', 4)
  if (!/\d$/.test(words)) return false
  if (second === undefined) return first.length >= 3
  if (first.length < 1 || second.length < 2) return false
  return third === undefined || (third.length >= 2 && more.length === 0)
}

/** Without the spaces at both ends. */
function trimSpaces(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && text[start] === ' ') start += 1
  while (end > start && text[end - 1] === ' ') end -= 1
  return text.slice(start, end)
}

/** A number as a whole, or the digits and what stands between them. */
function chunksOf(text: string): string[] {
  const isWhole = text === '' || NUMBER.test(text) || HEX.test(text)
  const marked = isWhole ? `\0${text}\0` : text.replace(/\d+/g, '\0$&\0')
  const end = marked.endsWith('\0') ? marked.length - 1 : marked.length
  const start = marked.startsWith('\0') && end > 0 ? 1 : 0
  return marked.slice(start, end).split('\0')
}

type Moment = number | false | null
/** A hexadecimal number, else the time of a date; NaN and null if it is neither. */
const hexOf = (text: string) => (HEX.test(text) ? Number.parseInt(text, 16) : Number.NaN)
const dateOf = (text: string): Moment => (beginsLikeDate(text) ? Date.parse(text) : null)

/** -1, 0 or 1. */
export function naturalSort(a: unknown, b: unknown): number {
  const x = trimSpaces(String(a))
  const y = trimSpaces(String(b))
  const [xChunks, yChunks] = [chunksOf(x), chunksOf(y)]
  const xMoment: Moment = hexOf(x) || (xChunks.length !== 1 && dateOf(x))
  const yMoment: Moment = hexOf(y) || (xMoment && dateOf(y)) || null
  if (yMoment) {
    if (Number(xMoment) < yMoment) return -1
    if (Number(xMoment) > yMoment) return 1
  }
  const count = Math.max(xChunks.length, yChunks.length)
  for (let place = 0; place < count; place += 1) {
    const order = compareChunks(rankOf(xChunks[place]), rankOf(yChunks[place]))
    if (order !== 0) return order
  }
  return 0
}

/** A number that does not begin with 0, else the text; 0 where there is none. */
function rankOf(chunk = ''): string | number {
  return (!chunk.startsWith('0') && Number.parseFloat(chunk)) || chunk || 0
}

function compareChunks(x: string | number, y: string | number): number {
  const [xIsText, yIsText] = [Number.isNaN(Number(x)), Number.isNaN(Number(y))]
  if (xIsText !== yIsText) return xIsText ? 1 : -1
  if (typeof x !== typeof y) return order(String(x), String(y))
  return order(x, y)
}
function order<Value extends string | number>(x: Value, y: Value): number {
  if (x < y) return -1
  return x > y ? 1 : 0
}
