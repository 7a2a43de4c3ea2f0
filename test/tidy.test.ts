// The rules that matter are tests (after tigerbeetle's src/tidy.zig): who may import whom, what a
// core must not know, how long a file may be, which words are ours. A rule that is in the way is argued
// about here, not passed by. (The documentation has its own tests: test/docs/.)

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { PROBLEMS } from '../shared/protocol/problems.ts'

const ROOT = join(import.meta.dirname, '..')

/** The visible top level. */
const TOP_LEVEL = [
  'LICENSE',
  'README.md',
  'deploy',
  'master',
  'package-lock.json',
  'package.json',
  'shared',
  'slave',
  'test',
  'tsconfig.json',
]

const LINES_MAX = 400
/** Files that may be longer, each with its reason. */
const LONG_FILES: Record<string, string> = {}

/** Where "worker" is the name of something that is not ours. */
const FOREIGN_WORKERS = [
  /frameworkErrors/,

  /node:worker_threads/,
  /workerData/g,
  /\bWorkers?\b/,
  /worker threads?/,
  /graphile-worker/,
  /worker-(\d|N\b|\\d|\$\{)/,
  /the turn's rows to a worker and back/,
]

/** Codes of the table that nothing throws yet, each with its reason. */
const CODES_TO_COME: Record<string, string> = {}

type Import = { path: string; typeOnly: boolean }
type Source = { path: string; text: string; code: string; imports: Import[] }

const paths = ['master', 'slave', 'shared', 'deploy', 'test']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true }).map((name) => `${folder}/${String(name)}`),
  )
  .map((path) => path.replaceAll('\\', '/'))
  .toSorted()
const sources = paths.filter((path) => path.endsWith('.ts')).map(sourceOf)
/** What people read and is not TypeScript: no imports are read of it. */
const others = paths
  .filter((path) => /\.(py|md)$/.test(path))
  .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
const byPath = new Map(sources.map((source) => [source.path, source]))

function sourceOf(path: string): Source {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const code = withoutComments(text)
  return { path, text, code, imports: importsOf(path, code) }
}

/** The code without comments, line for line. A `//` in a string ends its line, which does no harm. */
function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1')
}

/** All that a file imports or exports again: our files by their path, packages by their name. */
function importsOf(path: string, code: string): Import[] {
  const found: Import[] = []
  const forms = [
    /\b(?:import|export)\s+(?<type>type\s)?[\w\s{},*$]*?\bfrom\s*(['"])(?<name>.+?)\2/g,
    /\bimport\s*(['"])(?<name>.+?)\1/g,
    /\bimport(?:\.meta\.resolve)?\(\s*(['"`])(?<name>.+?)\1/g,
  ]
  for (const form of forms) {
    for (const { groups } of code.matchAll(form)) {
      const name = groups?.name as string
      const target = name.startsWith('.') ? join(path, '..', name).replaceAll('\\', '/') : name
      found.push({ path: target, typeOnly: groups?.type !== undefined })
    }
  }
  return found
}

const isIn =
  (...folders: string[]) =>
  (path: string): boolean =>
    folders.some((folder) => path.startsWith(`${folder}/`))

const isCore = isIn('master/core', 'master/policies', 'slave/core')
const isRoute = isIn('master/http/routes', 'slave/routes')
const isOurs = isIn('master', 'slave', 'shared', 'deploy', 'test')

/** "importer -> imported" wherever a file of `who` imports what is `forbidden`. */
function crossings(
  who: (path: string) => boolean,
  forbidden: (target: string, importer: string) => boolean,
): string[] {
  return sources
    .filter((source) => who(source.path))
    .flatMap((source) =>
      source.imports
        .filter((target) => forbidden(target.path, source.path))
        .map((target) => `${source.path} -> ${target.path}`),
    )
}

test('reads imports in all their forms', async (t) => {
  const code = [
    "import a from './a.ts'",
    "import type { B } from '../b.ts'",
    "import {\n  c,\n  type D,\n} from 'c'",
    "export * from './d.ts'",
    "import 'e'",
    "const f = await import('../f.ts')",
    "// import h from './h.ts'",
    "/* import i from './i.ts' */",
  ].join('\n')
  t.same(importsOf('x/y.ts', withoutComments(code)), [
    { path: 'x/a.ts', typeOnly: false },
    { path: 'b.ts', typeOnly: true },
    { path: 'c', typeOnly: false },
    { path: 'x/d.ts', typeOnly: false },
    { path: 'e', typeOnly: false },
    { path: 'f.ts', typeOnly: false },
  ])
})

test('keeps master and slave apart, and shared to itself', async (t) => {
  t.same(crossings(isIn('master'), isIn('slave')), [])
  t.same(crossings(isIn('slave'), isIn('master')), [])
  t.same(crossings(isIn('shared'), isIn('master', 'slave', 'deploy')), [])
})

test('lets nothing import a main, tests only and main an app, and nothing but tests a test', async (t) => {
  const isMain = (path: string) => path === 'master/main.ts' || path === 'slave/main.ts'
  const isApp = (path: string) => path === 'master/app.ts' || path === 'slave/app.ts'
  t.same(
    crossings(() => true, isMain),
    [],
  )
  t.same(
    crossings(
      (path) => !isIn('test')(path),
      (target, importer) => isApp(target) && !isMain(importer),
    ),
    [],
  )
  t.same(
    crossings((path) => !isIn('test')(path), isIn('test')),
    [],
  )
})

/** Which rooms of the master a room may import; `master` itself is main, app and settings. */
const ARROWS: Record<string, string[]> = {
  policies: [],
  core: ['policies'],
  store: ['core'],
  dispatch: ['core', 'store', 'policies'],
  views: ['core', 'dispatch', 'store'],
  jobs: ['core', 'dispatch', 'store', 'views', 'settings.ts'],
  observe: ['core', 'dispatch', 'jobs', 'store', 'views'],
  security: ['store', 'settings.ts'],
  http: ['core', 'dispatch', 'jobs', 'observe', 'security', 'store', 'views', 'settings.ts'],
  cli: ['security', 'store'],
}
test('lets the rooms of the master import each other along the arrows only', async (t) => {
  const found = Object.entries(ARROWS).flatMap(([room, may]) => {
    const isAllowed = (path: string) =>
      [room, ...may].some((each) => path.startsWith(`master/${each}`))
    return crossings(
      isIn(`master/${room}`),
      (target) => isIn('master')(target) && !isAllowed(target),
    )
  })
  t.same(found, [])
})

test('lets the conformance kit know a slave by its wire only', async (t) => {
  t.same(crossings(isIn('test/rigs/conformance'), isIn('master', 'slave', 'deploy')), [])
})

test('keeps routes off the task store and the channel to slaves', async (t) => {
  t.same(
    crossings(isRoute, (target) =>
      /^master\/(store\/(?!jobs\/job-store\.ts$)|dispatch\/push-channel\.ts$)/.test(target),
    ),
    [],
  )
})

test('keeps cores and policies pure, with all that they import in turn', async (t) => {
  const forbidden = (path: string) =>
    (path.startsWith('node:') && !/^node:assert\b/.test(path)) ||
    ['fastify', 'undici', 'pino'].includes(path)
  t.same(crossings(isCore, forbidden), [], 'not even a type')
  t.same(
    crossings(isCore, (target) => isOurs(target) && !isCore(target) && !isIn('shared')(target)),
    [],
    'a core knows cores, policies and shared only',
  )

  const seen = new Map<string, string>()
  const visit = (path: string, way: string): void => {
    if (seen.has(path)) return
    seen.set(path, way)
    for (const target of byPath.get(path)?.imports ?? []) {
      if (!target.typeOnly) visit(target.path, `${way} -> ${target.path}`)
    }
  }
  for (const { path } of sources) if (isCore(path)) visit(path, path)
  t.same(
    [...seen].filter(([path]) => forbidden(path)).map(([, way]) => way),
    [],
  )
})

/** Unit tests that may import what starts processes, each with its reason. */
const STARTING: Record<string, string> = {
  'test/rigs/conformance/protocol.test.ts': 'reads the rules and runs none',
  'test/tidy.test.ts': 'git says which files at the top level are ignored',
}

test('keeps what starts processes out of the unit tests', async (t) => {
  const isUnit = (path: string): boolean => /(?<!\.system)\.test\.ts$/.test(path)
  const ways: string[] = []
  const visit = (path: string, way: string[], seen: Set<string>): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const target of byPath.get(path)?.imports ?? []) {
      const next = [...way, target.path]
      if (target.path === 'node:child_process') ways.push(next.join(' -> '))
      else if (target.path.startsWith('test/')) visit(target.path, next, seen)
    }
  }
  for (const { path } of sources) {
    if (isUnit(path) && !Object.hasOwn(STARTING, path)) visit(path, [path], new Set())
  }
  t.same(ways, [], 'such a test is named *.system.test.ts')
})

test('reads the wall clock in one place, so that points in time have their type', async (t) => {
  const readers = sources.filter(
    ({ path, code }) =>
      /^(master|slave|shared)\//.test(path) &&
      !/^master\/(cli|client|dashboard)\//.test(path) &&
      /\bDate\.now\b|\bnew Date\(\)|performance\.timeOrigin|Temporal\.Now/.test(code),
  )
  t.same(
    readers.map(({ path }) => path),
    ['shared/data/clock.ts'],
  )
})

test('gives cores and policies no clock, no chance and no process', async (t) => {
  const impure =
    /(?<![.\w$'"-])(Date|Temporal|performance|setTimeout|setInterval|setImmediate|queueMicrotask|process|console|crypto|globalThis|fetch)(?=\s*[.(;)])|Math\.random/
  const found = sources
    .filter(({ path }) => isCore(path))
    .flatMap(({ path, code }) => linesOf(path, code, (line) => impure.test(line)))
  t.same(found, [])
  for (const line of ['Date.now()', 'x = new Date()', 'Math.random()', 'console.log(1)']) {
    t.match(line, impure)
  }
})

test(`keeps every file of master, slave and shared within ${LINES_MAX} lines`, async (t) => {
  const long = [...sources, ...others]
    .filter(({ path }) => isIn('master', 'slave', 'shared')(path) && !(path in LONG_FILES))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX)
  t.same(long, [])
})

test('shows nothing at the top level but what belongs there', async (t) => {
  const visible = new Set(topLevel().filter((name) => !name.startsWith('.')))
  const wanted = TOP_LEVEL.filter((name) => name !== 'README.md' || visible.has(name))
  t.same([...visible].toSorted(), wanted)
})

/** What git keeps; without git, what is there but what git is told to ignore. */
function topLevel(): string[] {
  try {
    const args = ['-c', 'safe.directory=*', 'ls-files', '-z']
    const names = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' })
      .split('\0')
      .filter((path) => path !== '')
    if (names.length > 0) return names.map((path) => path.split('/')[0] as string)
  } catch {
    // Not a checkout, or no git.
  }
  return readdirSync(ROOT).filter(
    (name) => !/^(node_modules|data|askfirst-data)$|\.log$/.test(name),
  )
}

test('calls a slave a slave, and nothing else', async (t) => {
  const found = [...sources, ...others]
    .filter(({ path }) => !isIn('test')(path))
    .flatMap(({ path, text }) =>
      linesOf(path, text, (line) => /worker/i.test(withoutForeign(line))),
    )
  t.same(found, [])
})

const withoutForeign = (line: string): string =>
  FOREIGN_WORKERS.reduce((left, foreign) => left.replace(foreign, ''), line)

/** The lines that `matches` finds, each with its place. */
const linesOf = (path: string, text: string, matches: (line: string) => boolean): string[] =>
  text.split('\n').flatMap((line, i) => (matches(line) ? [`${path}:${i + 1}: ${line.trim()}`] : []))

test('throws every problem code that it lists', async (t) => {
  const thrown = sources.filter(
    ({ path }) => !isIn('test')(path) && path !== 'shared/protocol/problems.ts',
  )
  const dead = Object.keys(PROBLEMS)
    .filter((code) => !(code in CODES_TO_COME))
    .filter((code) => !thrown.some(({ code: text }) => text.includes(`'${code}'`)))
  t.same(dead, [])
})
