// Reads what `strace -f -y` prints: one call per line, or two lines when another thread's call came
// between its beginning and its end.
//
//   12 read(24<socket:[5]>, "POST /tasks ...", 65536) = 210
//   12 fdatasync(30</data/askfirst.sqlite-wal> <unfinished ...>
//   12 <... fdatasync resumed>)            = 0

export type Call = {
  name: string
  /** The descriptor and what it is, such as `24<socket:[5]>`, without its `>`. */
  file: string
  /** The lines at which it began and ended; the same when nothing came between. */
  began: number
  ended: number
  /** It did not fail. */
  ok: boolean
  /** The strings that it read or wrote, one character per byte. */
  texts: string[]
}

const BEGINS = /^(\d+)\s+(\w+)\((\d+<[^>]*)>/
const RESUMES = /^(\d+)\s+<\.\.\. (\w+) resumed>/
const UNFINISHED = /<unfinished \.\.\.>$/
const TEXT = /"([^"\\]*(?:\\.[^"\\]*)*)"(\.\.\.)?/g
const WRITES = ['write', 'writev', 'pwrite64', 'pwritev']

/**
 * The calls in the order in which they matter: one that writes with its beginning, when others may
 * already see what it wrote; any other with its end. Throws when a string is cut that went over a
 * socket or into a log.
 */
export function* readTrace(trace: string): Generator<Call> {
  const open = new Map<string, Call>()
  for (const [at, line] of trace.split('\n').entries()) {
    const [begins, thread = '', name = '', file = ''] = BEGINS.exec(line) ?? []
    if (begins !== undefined) {
      const call = { name, file, began: at, ended: at, ok: false, texts: textsOf(line, file, at) }
      if (!UNFINISHED.test(line)) yield { ...call, ok: isOk(line) }
      else if (WRITES.includes(name)) yield call
      else open.set(thread, call)
      continue
    }
    const [, resumed = ''] = RESUMES.exec(line) ?? []
    const call = open.get(resumed)
    if (!call) continue
    open.delete(resumed)
    yield { ...call, ended: at, ok: isOk(line), texts: textsOf(line, call.file, at) }
  }
}

const isOk = (line: string): boolean => /\)\s+= \d/.test(line)

function textsOf(line: string, file: string, at: number): string[] {
  if (!file.endsWith('-wal') && !file.includes('socket:') && !file.includes('TCP')) return []
  return [...line.matchAll(TEXT)].map(([, text = '', cut]) => {
    if (cut !== undefined) {
      throw new Error(`line ${at}: what went through ${file}> is cut: strace needs a larger -s`)
    }
    return decode(text)
  })
}

const LETTERS: Record<string, string> = { n: '\n', r: '\r', t: '\t', v: '\v', f: '\f' }

const decode = (text: string): string =>
  text.replace(/\\([0-7]{1,3}|.)/g, (_, code: string) =>
    /^[0-7]/.test(code) ? String.fromCharCode(Number.parseInt(code, 8)) : (LETTERS[code] ?? code),
  )
