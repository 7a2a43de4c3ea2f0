// Runs with files: fetched before, delivered after, and killed at any point. The agent sees one run.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { Raw } from '../../../shared/data/raw-json.ts'
import type { Offer } from '../../../shared/protocol/wire.ts'
import type { CommandRun } from '../../../slave/commands/commands.ts'
import type { Executors, Run, RunEnded } from '../../../slave/executor/executors.ts'
import { createFileRuns } from '../../../slave/files/file-runs.ts'
import { anOffer, openRunFiles, shaOf } from './open-run-files.ts'

/** Executors that do as they are told. */
function createHands<R extends Run>() {
  const runs: R[] = []
  const killed: string[] = []
  const ends: ((ended: RunEnded[]) => void)[] = []
  const executors: Executors<R> = {
    run: (run) => void runs.push(run),
    waits: (attempt) => attempt === 'waits',
    kill: (attempt) => void killed.push(attempt),
    close: async () => {},
  }
  const open = (onEnded: (ended: RunEnded[]) => void): Executors<R> => {
    ends.push(onEnded)
    return executors
  }
  const done = (attempt: string, result: unknown = 1): void =>
    ends[0]!([{ attempt, outcome: { status: 'done', result }, ranMs: 1 }])
  return { runs, killed, open, done }
}

async function setUp(t: Parameters<typeof openRunFiles>[0], listener: RequestListener) {
  const here = await openRunFiles(t, listener)
  const plain = createHands<Run>()
  const withFiles = createHands<Run>()
  const commands = createHands<CommandRun>()
  const ended: RunEnded[] = []
  const fileRuns = createFileRuns({
    fileKinds: new Set(['file-kind']),
    plain: plain.open,
    withFiles: withFiles.open,
    commands: (onEnded) => ({ ...commands.open(onEnded), kill: async () => {} }),
    runFiles: here.runFiles,
    onEnded: (list) => void ended.push(...list),
  })
  t.teardown(() => fileRuns.close())
  return { ...here, plain, withFiles, commands, ended, fileRuns }
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await delay(2)
}

const blob = { name: 'in/f', url: '/blobs/x', bytes: 5, sha256: shaOf('whole') }
const give: RequestListener = (request, response) => {
  let body = ''
  request.on('data', (chunk: Buffer) => (body += chunk.toString()))
  request.on('end', () => {
    if (request.method === 'GET') return response.end('whole')
    response.writeHead(201).end(JSON.stringify({ sha256: shaOf(body), bytes: body.length }))
  })
}
const command = (more: Partial<Offer>): Offer =>
  anOffer({ kind: 'command', input: new Raw('{"program":"tool","args":["in/f"]}'), ...more })

t.test('a run without files goes straight to its executors', async (t) => {
  const { fileRuns, plain, ended, root } = await setUp(t, give)
  fileRuns.run(anOffer({}))
  t.equal(plain.runs[0]?.attempt, 'a1')
  plain.done('a1')
  t.match(ended, [{ attempt: 'a1', outcome: { status: 'done' } }])
  fileRuns.kill('a2')
  t.same(plain.killed, ['a2'])
  t.same(readdirSync(join(root, 'runs')), [])
})

t.test(
  'a program runs in a folder with copies of its files, and what it leaves is uploaded',
  async (t) => {
    const { fileRuns, commands, ended, root } = await setUp(t, give)
    fileRuns.run(
      command({ files: [blob], outputs: ['out', 'stdout'], secretEnv: { KEY: 'secret' } }),
    )
    t.ok(fileRuns.waits('a1'), 'while its files are fetched')
    await until(() => commands.runs.length > 0)
    t.notOk(fileRuns.waits('a1'))
    const [run] = commands.runs
    t.match(run, {
      task: 't1',
      input: { program: 'tool', args: ['in/f'] },
      secretEnv: { KEY: 'secret' },
    })
    t.equal(readFileSync(join(run!.folder, 'in/f'), 'utf8'), 'whole')
    t.equal(run!.streams.stderr, null)
    writeFileSync(run!.streams.stdout!, 'printed')
    writeFileSync(join(run!.folder, 'out'), 'made')
    commands.done('a1', { exitCode: 0 })
    await until(() => ended.length > 0)
    t.match(ended[0]?.outcome, {
      status: 'done',
      result: { exitCode: 0 },
      files: [
        { name: 'out', sha256: shaOf('made') },
        { name: 'stdout', sha256: shaOf('printed') },
      ],
    })
    await until(() => readdirSync(join(root, 'runs')).length === 0)
  },
)

t.test(
  'a program that leaves no file of a name fails, and what it gave is not its result',
  async (t) => {
    const { fileRuns, commands, ended } = await setUp(t, give)
    fileRuns.run(command({ outputs: ['out'] }))
    await until(() => commands.runs.length > 0)
    commands.done('a1')
    await until(() => ended.length > 0)
    const message = 'the run left no file out'
    t.same(ended[0]?.outcome, { status: 'failed', type: 'missing-output', message })
  },
)

t.test('an input that no program takes is rejected', async (t) => {
  const { fileRuns, commands, ended } = await setUp(t, give)
  fileRuns.run(command({ input: new Raw('{"program":"a/b"}') }))
  await until(() => ended.length > 0)
  t.match(ended[0]?.outcome, { type: 'rejected-input', message: /program must be the name/ })
  t.same(commands.runs, [])
})

t.test('a file that cannot be had fails the run before it starts', async (t) => {
  const { fileRuns, withFiles, ended } = await setUp(t, (_request, response) =>
    response.writeHead(404).end(),
  )
  fileRuns.run(anOffer({ kind: 'file-kind', files: [blob] }))
  await until(() => ended.length > 0)
  t.match(ended[0]?.outcome, { type: 'missing-file', missing: ['in/f'] })
  t.same(withFiles.runs, [])
})

t.test('a kill ends the fetch, the run or the upload, without an outcome', async (t) => {
  let stage = ''
  const { fileRuns, withFiles, ended, root, data } = await setUp(t, (request, response) => {
    stage = request.method ?? ''
    if (request.method === 'GET' && request.url === '/blobs/x') response.end('whole')
  })
  const kind = 'file-kind'
  // Another blob: a run that wants the same one goes on with the fetch.
  const never = { ...blob, url: '/blobs/y', sha256: shaOf('never') }
  fileRuns.run(anOffer({ kind, attempt: 'fetches', files: [never] }))
  await until(() => stage === 'GET')
  fileRuns.kill('fetches')
  fileRuns.run(anOffer({ kind, attempt: 'runs', files: [{ ...blob, sha256: shaOf('whole') }] }))
  await until(() => withFiles.runs.length > 0)
  fileRuns.kill('runs')
  t.same(withFiles.killed, ['runs'])
  fileRuns.run(anOffer({ kind, attempt: 'uploads', outputs: ['f'] }))
  await until(() => withFiles.runs.length > 1)
  writeFileSync(join(withFiles.runs[1]?.work?.out ?? '', 'f'), 'abc')
  withFiles.done('uploads')
  await until(() => stage === 'PUT')
  fileRuns.kill('uploads')
  await until(() => readdirSync(join(root, 'runs')).length === 0)
  await until(() => readdirSync(join(data, 'outputs')).length === 0)
  t.same(ended, [])
})

t.test('the folder of a program that is killed stays until its last process is gone', async (t) => {
  const here = await openRunFiles(t, give)
  const gone = Promise.withResolvers<void>()
  const commands = createHands<CommandRun>()
  const fileRuns = createFileRuns({
    fileKinds: new Set(),
    plain: createHands().open,
    withFiles: createHands().open,
    commands: (onEnded) => ({ ...commands.open(onEnded), kill: () => gone.promise }),
    runFiles: here.runFiles,
    onEnded: () => t.fail('it was killed'),
  })
  t.teardown(() => fileRuns.close())
  fileRuns.run(command({}))
  await until(() => commands.runs.length > 0)
  const folder = commands.runs[0]?.folder ?? ''
  fileRuns.kill('a1')
  await delay(20)
  t.ok(existsSync(folder))
  gone.resolve()
  await until(() => !existsSync(folder))
})
