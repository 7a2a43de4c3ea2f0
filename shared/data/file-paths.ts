// Paths of the files of a task, as clients name them. One rule for client, master and slave.

/** Maximum length of a path and of each of its parts, in bytes of UTF-8. */
const PATH_BYTES_MAX = 1024
const PART_BYTES_MAX = 255

/** The rule in words. */
export const FILE_PATH_WANTED =
  'a relative path such as "in/photo 1.jpg": parts separated by "/", none of them empty, "." or ".."'

const encoder = new TextEncoder()
/** Not Buffer: the page has these schemas, too. */
const bytesOf = (text: string): number => encoder.encode(text).length

/**
 * What is wrong with a path; null for a good one: relative, well-formed text of at most 1024 bytes, its
 * parts separated by "/", each of 1 to 255 bytes, without NUL, none of them "." or "..".
 */
export function filePathMistake(path: string): string | null {
  if (!path.isWellFormed()) return 'is not valid Unicode text'
  if (path.includes('\0')) return 'contains a NUL character'
  if (bytesOf(path) > PATH_BYTES_MAX) return `is longer than ${PATH_BYTES_MAX} bytes`
  if (path.startsWith('/')) return 'is absolute: it must be relative'
  for (const part of path.split('/')) {
    if (part === '') return 'has an empty part'
    if (part === '.' || part === '..') return `has the part "${part}"`
    if (bytesOf(part) > PART_BYTES_MAX) return `has a part longer than ${PART_BYTES_MAX} bytes`
  }
  return null
}

/** Whether it is a pattern rather than the name of one file. */
export const isGlob = (path: string): boolean => /[*?[]/.test(path)
