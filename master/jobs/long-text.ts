// Cuts long texts into pieces, to be stored or searched one at a time. Pure.

/** Texts themselves, no character is cut in two: at least one, each of at most `charsMax` UTF-16 units (at least 2). */
export function piecesOf(text: string, charsMax: number): string[] {
  const pieces: string[] = []
  let from = 0
  do {
    let to = Math.min(text.length, from + charsMax)
    if (to < text.length && isLow(text.charCodeAt(to)) && isHigh(text.charCodeAt(to - 1))) to--
    pieces.push(text.slice(from, to))
    from = to
  } while (from < text.length)
  return pieces
}

/** What is no longer than `overlap` and stands across an edge is whole in one of them. */
export function* overlapping(text: string, charsMax: number, overlap: number): Generator<string> {
  for (let at = 0; at < text.length; at += charsMax) {
    yield text.slice(Math.max(0, at - overlap), at + charsMax)
  }
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff
