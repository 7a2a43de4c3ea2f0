// The public strings of files that are neither TypeScript nor JavaScript: HTML, Python, scripts and
// the monitoring files. No parser: their few forms are found by patterns.

import type { PublicString } from './sorts.ts'

const ATTRIBUTES = /\b(?:aria-label|title|placeholder|label|alt|content)="([^"]*[A-Za-z][^"]*)"/g

/** The texts between the tags of HTML, and the attributes that people read. */
export function htmlStrings(html: string): string[] {
  const visible = html.replaceAll(/<(script|style)[^>]*>[\s\S]*?<\/\1>/g, '')
  const attributes = [...visible.matchAll(ATTRIBUTES)].map(([, words = '']) => words)
  const texts = visible
    .replaceAll(/<!--[\s\S]*?-->/g, '')
    // A closing tag that belongs to the sentence, as </b>, ends no text.
    .replaceAll(/<\/?(?:b|em|strong|code|kbd|a|span class="num")(?:\s[^<>]*)?>/g, '')
    .replaceAll(/\{[^{}]*\}/g, (hole) => hole.replaceAll(/[<>]/g, ' '))
    .split(/<[^>]*>/)
  return [...texts, ...attributes].filter((words) =>
    /\p{L}/u.test(words.replaceAll(/\{[^}]*\}/g, '')),
  )
}

const PYTHON =
  /#[^\n]*|(?<!\w)([rbfu]{0,2})("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')/gi

/** The strings of a Python file that hold two words or more. Neighbours are one string, as in Python. */
export function pythonStrings(text: string): PublicString[] {
  const found: { sort: PublicString['sort']; words: string; end: number }[] = []
  for (const match of text.matchAll(PYTHON)) {
    const [whole, prefix = '', quoted] = match
    if (quoted === undefined || /[rb]/i.test(prefix)) continue
    const before = text.slice(0, match.index)
    // A docstring, or a string that is a statement.
    if (quoted.startsWith('"""') && /(^|:|\n)\s*$/.test(before)) continue
    const words = quoted
      .replaceAll(/^("""|'''|"|')|("""|'''|"|')$/g, '')
      .replaceAll(/\\n|\s+/g, ' ')
    const last = found.at(-1)
    const end = match.index + whole.length
    if (last && /^\s+$/.test(text.slice(last.end, match.index))) {
      last.words += words
      last.end = end
      continue
    }
    const call = before.match(/(\w+)\((?:[^()'"]*)$/)?.[1] ?? ''
    const sort =
      call === 'log' ? 'log' : /(Error|Unusable|NotAdmitted|Problem)$/.test(call) ? 'error' : 'text'
    found.push({ sort, words, end })
  }
  return found
    .map(({ sort, words }) => ({ sort, words: words.trim() }))
    .filter(({ words }) => /[a-z}][,.:;)]* +[({]?[\w{]/i.test(words))
}

const SPEAKING =
  /\b(?:fail|misused|echo|printf|say|throw|Write-\w+|read -r -p)\s+(?:-\w+ )*(?:"((?:[^"\\`]|[\\`][\s\S])*)"|'([^']*)')/g
const HERE = /<<-?'?(\w+)'?\n([\s\S]*?)\n\s*\1\n/g
const YAML = /^\s*(?:summary|description): (?:'(.*)'|"(.*)"|(?!['"])(.*))$/gm
const JSON_TITLE = /"(?:title|description|legendFormat)": "([^"]*[a-z][^"]*)"/g

/** What a shell or PowerShell script says: the arguments of what prints or fails, and its usage. */
export const scriptStrings = (text: string): PublicString[] =>
  [...text.matchAll(SPEAKING), ...text.matchAll(HERE)]
    .map(([, first, second]) => ({
      sort: 'text' as const,
      words: /^\w+$/.test(first ?? '') ? (second ?? '') : (first ?? second ?? ''),
    }))
    .filter(({ words }) => /[a-z}] +[({$]?\w/i.test(words) && !words.startsWith('import '))

/** Titles and descriptions of alerts and dashboards. */
export const monitoringStrings = (text: string): PublicString[] =>
  [...text.matchAll(YAML), ...text.matchAll(JSON_TITLE)].map(([, ...words]) => ({
    sort: 'text',
    words: words.find((each) => each !== undefined) ?? '',
  }))
