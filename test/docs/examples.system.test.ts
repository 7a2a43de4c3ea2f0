// Every example of the documentation, run against real processes in the order of its page: each prints what
// the page shows. Commands run in a terminal, because askfirst prints JSON for a pipe. With the path of a
// page as argument only that page's examples run.

import { execFile, spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import t from 'tap'
import { findPython } from '../../deploy/local/python.ts'
import { folderOf } from '../folder.ts'
import { startMaster, startSlave } from '../rigs/cluster/programs.ts'
import type { Example } from './examples.ts'
import { examplesIn, prints } from './examples.ts'
import { codeIn, pagePaths, ROOT, readPage, section, tableRows } from './pages.ts'

/** How many slaves of one slot the examples of a page need, beside a master. */
const SLAVES: Record<string, number> = {
  'README.md': 2,
  'master/cli/README.md': 2,
  'master/observe/README.md': 1,
  'master/security/README.md': 0,
  'shared/kinds/README.md': 2,
  'slave/README.md': 0,
}

/** Programs that some examples need. */
const NEEDS: [command: RegExp, isThere: () => boolean, name: string][] = [
  [/tour -- image|conformance/, () => findPython() !== undefined, 'python3 with Pillow'],
]

const COMMAND_MS = 300_000
/** On a busy machine an executor needs longer to start than an example waits. */
const PATIENT = [/prefer: wait=\d+/g, 'prefer: wait=240'] as const
/** One with Pillow, which need not be the first. */
const PYTHON = [/\bpython3 (?=slave\/)/g, `${findPython()} `] as const
const TOUR_PICTURE = join(ROOT, 'askfirst-data/tour.png')

const isMissing = (command: string): boolean =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).error !== undefined
const missing = ['script', 'curl'].find(isMissing)
const options = { skip: missing === undefined ? false : `${missing} is not installed` }

t.setTimeout(1_800_000)

const [only] = process.argv.slice(2)
for (const page of pagePaths().filter((path) => path === (only ?? path))) {
  const examples = examplesIn(readPage(page))
  if (examples.length === 0) continue
  t.test(`${page}: every command prints what the page shows`, options, async (t) => {
    const count = SLAVES[page]
    if (count === undefined) return t.fail(`say in SLAVES what the examples of ${page} need`)
    const shell = await startCluster(t, count)
    for (const example of examples) await check(t, shell, example)
  })
}

type Shell = (command: string) => Promise<string>
type Cluster = { run: Shell; shown: (text: string) => string }

async function check(t: Test, { run, shown }: Cluster, example: Example): Promise<void> {
  const { command, line, output } = example
  const name = `line ${line}: ${command.split('\n')[0]}`
  const lacks = NEEDS.find(([needs, isThere]) => needs.test(command) && !isThere())
  if (lacks) return void t.pass(`${name} # SKIP ${lacks[2]} is not installed`)
  const printed = await run(shown(command))
  const expected = shown(output)
  t.ok(prints({ ...example, output: expected }, printed), name, { expected, printed })
}

/** A master and slaves; commands see them at the addresses that they have instead of the usual ones. */
async function startCluster(t: Test, slaves: number): Promise<Cluster> {
  const folder = folderOf(t, { test: t.fixture('symlink', join(ROOT, 'test')) })
  const master = await startMaster(t, join(folder, 'master'))
  const addresses = [[/(?:localhost|127\.0\.0\.1):8080/g, new URL(master.url).host] as const]
  const ports: (readonly [RegExp, string])[] = []
  for (let i = 1; i <= slaves; i++) {
    const { url } = await startSlave(t, master.url, `slave-${i}`, ['--slots', '1'])
    addresses.push([new RegExp(`127\\.0\\.0\\.1:900${i}`, 'g'), new URL(url).host])
    ports.push([new RegExp(`--port 900${i}`, 'g'), `--port ${new URL(url).port}`])
  }
  const shown = (text: string): string =>
    [...addresses, ...ports, PATIENT, PYTHON].reduce(
      (left, [usual, real]) => left.replace(usual, real),
      text,
    )
  return { shown, run: (command) => inTerminal(folder, master.url, command) }
}

/** Runs a command in a terminal, in a folder of the test; what it prints. */
async function inTerminal(folder: string, url: string, command: string): Promise<string> {
  const file = join(folder, 'command.sh')
  const hadPicture = existsSync(TOUR_PICTURE)
  writeFileSync(
    file,
    // The test runner makes each process load its hooks; an executor has no permission to.
    `unset NODE_OPTIONS
askfirst() { '${process.execPath}' '${ROOT}/master/cli/askfirst.mjs' "$@"; }
npx() { shift; askfirst "$@"; }
npm() { command npm --prefix '${ROOT}' "$@"; }
${command}
`,
  )
  const env = { PATH: process.env.PATH, HOME: folder, ASKFIRST_URL: url, LC_ALL: 'C.UTF-8' }
  const given = {
    cwd: folder,
    env,
    timeout: COMMAND_MS,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  } as const
  const running = promisify(execFile)('script', ['-qec', `bash ${file}`, '/dev/null'], given)
  running.child.stdin?.end()
  try {
    return (await running).stdout
  } catch (error) {
    // A command that ends with another code than 0 shows what it printed, too.
    return (error as { stdout: string }).stdout
  } finally {
    if (!hadPicture) rmSync(TOUR_PICTURE, { force: true })
  }
}

t.test('the help of the command line', options, async (t) => {
  const folder = folderOf(t)
  const help = await inTerminal(folder, 'http://127.0.0.1:8080', 'askfirst --help')
  const page = readPage('master/cli/README.md')
  const rows = tableRows(section(page, 'Commands')).map(([cell = '']) => codeIn(cell))
  const listed = rows.flat().map((code) => code.split(' ')[0])

  t.test('lists the commands of the page, and no others', async (t) => {
    const commands = [...help.matchAll(/^ {2}([a-z]+)\b.*? {2}\S/gm)].map(([, name]) => name)
    t.ok(commands.length > 15)
    t.same(
      [...new Set(listed)].filter((name) => /^[a-z]+$/.test(name ?? '')).toSorted(),
      commands.toSorted(),
    )
  })

  t.test('lists the exit codes of the page, and no others', async (t) => {
    const codes = [...help.matchAll(/^ +(\d+) {2}\S/gm)].map(([, code]) => code)
    t.ok(codes.length > 8)
    t.same(
      tableRows(section(page, 'Exit codes'))
        .map(([code]) => code)
        .filter((code) => /^\d+$/.test(code ?? '')),
      codes,
    )
  })
})

t.test('every metric of a slave stands on the page', async (t) => {
  const master = await startMaster(t, folderOf(t))
  const slave = await startSlave(t, master.url, 'slave-1')
  const text = await (await fetch(`${slave.url}/metrics`)).text()
  const metrics = [...text.matchAll(/^# TYPE (askfirst_\w+) (\w+)$/gm)].map(([, ...both]) => both)
  const metricsPage = section(readPage('master/observe/README.md'), 'Metrics')
  const [, ofSlave = ''] = metricsPage.split('`GET /metrics` of a slave')
  const rows = tableRows(ofSlave)
    .map(([code = '', type = '']) => [codeIn(code)[0]?.replace(/\{.*/, '') ?? '', type])
    .filter(([name]) => name?.startsWith('askfirst_'))
  t.same(rows.toSorted(), metrics.toSorted())
})
