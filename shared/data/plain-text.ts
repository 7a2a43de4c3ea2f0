// Text that others wrote, made harmless for a terminal and for whatever reads lines: what would
// steer the terminal, begin a line of its own or turn the direction is shown as an escape. Every
// line that our programs write for people passes here: the command line (master/cli/output.ts), log
// lines (log.ts), last words (process.ts).

/** C0, DEL and C1, line breaks of all sorts, marks of direction, and halves of a character. */
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/gu
/** Of those, what JSON.stringify leaves as it is. */
const RAW_IN_JSON = /[\u007f-\u009f\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

const hex = (char: string): string => char.charCodeAt(0).toString(16)

/** Text of others on one line, harmless. To do it twice is to do it once. */
export const plain = (text: string): string =>
  text.replace(STEERING, (char) =>
    char === '\n' ? '\\n' : char === '\t' ? '\\t' : `\\u{${hex(char)}}`,
  )

/** Text of many lines, harmless but for its line breaks and tabs, which stay. */
export const plainLines = (text: string): string => text.replace(/[^\n\t]+/g, (part) => plain(part))

/** The same JSON, harmless: what JSON allows in a string is written as an escape. */
export const plainJson = (json: string): string =>
  json.replace(RAW_IN_JSON, (char) => `\\u${hex(char).padStart(4, '0')}`)

/** Every text in a value made harmless; in those that `keepsLines` names by field, line breaks stay. */
export function plainValue(value: unknown, keepsLines: (field: string) => boolean): unknown {
  const inside = (field: string, each: unknown): unknown => {
    if (typeof each === 'string') return keepsLines(field) ? plainLines(each) : plain(each)
    if (Array.isArray(each)) return each.map((one) => inside(field, one))
    if (typeof each !== 'object' || each === null) return each
    return Object.fromEntries(
      Object.entries(each).map(([name, one]) => [plain(name), inside(name, one)]),
    )
  }
  return inside('', value)
}
