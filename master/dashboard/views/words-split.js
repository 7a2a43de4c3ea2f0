// How a text is divided into paragraphs. Pure.

/** As the kind divides a text (shared/kinds/word-count.ts). @param {any} input @returns {string[]} */
export const paragraphsOf = (input) =>
  input?.paragraphs ??
  (input?.text ?? '').split(/\r?\n(?:[ \t]*\r?\n)+/).filter((paragraph) => paragraph.trim() !== '')
