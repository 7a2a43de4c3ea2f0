// How a text is divided into paragraphs. Pure.

/** As the kind divides a text (shared/kinds/word-count.ts). @param {any} input @returns {string[]} */
export const paragraphsOf = (input) => input?.paragraphs ?? paragraphsIn(input?.text ?? '')

/** Line by line: a regular expression that repeats a group runs out of stack. @param {string} text */
function paragraphsIn(text) {
  /** @type {string[]} */
  const found = []
  /** @type {string[]} */
  let lines = []
  for (const line of [...text.split('\n'), '']) {
    if (!/^[ \t]*\r?$/.test(line)) lines.push(line)
    else if (lines.length > 0) {
      const paragraph = lines.join('\n').replace(/\r$/, '')
      if (paragraph.trim() !== '') found.push(paragraph)
      lines = []
    }
  }
  return found
}
