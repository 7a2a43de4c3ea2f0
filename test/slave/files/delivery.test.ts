// The outputs of runs: uploaded before the outcome, or kept for peers; kept on disk until they are delivered.

import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { Raw } from '../../../shared/data/raw-json.ts'
import type { Offer, OutputFile } from '../../../shared/protocol/wire.ts'
import { NotAFileError } from '../../../slave/files/outputs.ts'
import type { RunFiles } from '../../../slave/files/run-files.ts'
import type { RunFolder } from '../../../slave/files/run-folder.ts'
import { age, rewrite } from '../../shared/rewrite.ts'
import { anOffer, never, openRunFiles, shaOf } from './open-run-files.ts'

/** Delivers the outputs of a run that is done; gives those that its outcome lists. */
async function deliver(
  { delivery }: RunFiles,
  run: RunFolder,
  offer: Offer,
  signal: AbortSignal,
): Promise<OutputFile[]> {
  const outcome = { status: 'done', result: 1 } as const
  const ended = { attempt: offer.attempt, outcome, ranMs: 1 }
  const delivered = await delivery.deliver(run, offer, ended, signal)
  return delivered.outcome.files ?? []
}

t.test(
  'outputs are kept for peers with the ticket of the job, until the job has ended',
  async (t) => {
    const { runFiles } = await openRunFiles(t, (_request, response) => response.end())
    const offer = anOffer({ job: 'j1', task: 't1', ticket: 'secret', keep: 'slave' })
    const room = await runFiles.open(offer, 'kind', never)
    writeFileSync(join(room.out, 'r0'), 'words')
    const files = await deliver(runFiles, room, offer, never)
    const url = 'http://me:1/partitions/j1/t1/r0'
    t.same(files, [{ name: 'r0', bytes: 5, sha256: shaOf('words'), url }])
    t.same(runFiles.partitions.jobs(), ['j1'])
    const found = await runFiles.partitions.find('j1', 't1', 'r0', 'secret')
    t.equal(readFileSync(found!.path, 'utf8'), 'words')
    for (const [job, task, name, ticket] of [
      ['j1', 't1', 'r0', 'wrong!'],
      ['j1', 't1', 'r0', ''],
      ['j2', 't1', 'r0', 'secret'],
      ['j1', '..', 'r0', 'secret'],
      ['j1', 't1', '../../../x', 'secret'],
      ['j1', 't1', 'r1', 'secret'],
    ] as const) {
      t.equal(
        await runFiles.partitions.find(job, task, name, ticket),
        null,
        `${job} ${task} ${name} ${ticket}`,
      )
    }
    await runFiles.partitions.drop(['j1', 'unknown'])
    t.equal(await runFiles.partitions.find('j1', 't1', 'r0', 'secret'), null)
    t.same(runFiles.partitions.jobs(), [])
  },
)

t.test('outputs for the master are sent again until it has them', async (t) => {
  let times = 0
  const { runFiles } = await openRunFiles(t, (request, response) => {
    request.resume()
    request.on('end', () => {
      times++
      if (times < 3) return response.writeHead(503).end('{}')
      response.end(JSON.stringify({ sha256: shaOf('result'), bytes: 6 }))
    })
  })
  const offer = anOffer({ job: 'j1', keep: 'master' })
  const room = await runFiles.open(offer, 'kind', never)
  writeFileSync(join(room.out, 'result.txt'), 'result')
  const files = await deliver(runFiles, room, offer, never)
  t.same(files, [{ name: 'result.txt', bytes: 6, sha256: shaOf('result') }])
  t.equal(times, 3)
})

t.test('an output that is a link or no file is neither uploaded nor kept', async (t) => {
  const bodies: string[] = []
  const { runFiles } = await openRunFiles(t, (request, response) => {
    request.on('data', (chunk: Buffer) => bodies.push(chunk.toString()))
    request.on('end', () => response.writeHead(201).end('{"sha256":"0","bytes":6}'))
  })
  const outside = t.testdir({ secret: 'secret' })
  const secret = join(outside, 'secret')
  const ways: [what: RegExp, make: (out: string) => void][] = [
    [/symbolic link/, (out) => symlinkSync(secret, join(out, 'a'))],
    [/symbolic link/, (out) => symlinkSync(join(outside, 'gone'), join(out, 'a'))],
    [/hard link/, (out) => linkSync(secret, join(out, 'a'))],
    [/not a file/, (out) => mkdirSync(join(out, 'a'))],
    [
      /output folder/,
      (out) => {
        rmSync(out, { recursive: true })
        symlinkSync(outside, out)
      },
    ],
  ]
  const kept = { keep: 'slave', job: 'j', ticket: 'secret' } as const
  for (const more of [{ keep: 'master' } as const, kept]) {
    for (const [what, make] of ways) {
      const offer = anOffer(more)
      const room = await runFiles.open(offer, 'kind', never)
      make(room.out)
      const given = deliver(runFiles, room, offer, never)
      await t.rejects(given, { constructor: NotAFileError, message: what })
      await runFiles.discard(room)
    }
  }
  t.same(bodies, [])
  t.equal(readFileSync(secret, 'utf8'), 'secret')
})

t.test('an output file that changes while it is uploaded is not uploaded again', async (t) => {
  let change = () => {}
  let times = 0
  const { runFiles, data } = await openRunFiles(t, (request, response) => {
    if (++times > 1) return response.writeHead(422).end()
    change()
    request.resume().on('end', () => response.writeHead(500).end())
  })
  const offer = anOffer({ keep: 'master' })
  const room = await runFiles.open(offer, 'kind', never)
  writeFileSync(join(room.out, 'f'), 'abc')
  age(join(room.out, 'f'))
  // It is kept there until the master has it.
  const kept = join(data, 'outputs')
  change = () => rewrite(join(kept, readdirSync(kept)[0] ?? '', 'run/out/f'))
  await t.rejects(deliver(runFiles, room, offer, never), {
    type: 'file-changed',
    message: /^f changed while it was read/,
  })
  t.equal(times, 1)
})

/** A master that keeps blobs; `status`: what it answers to a PUT, instead of taking it. */
function blobMaster(status: (path: string) => number | null = () => null) {
  const asked: string[] = []
  const blobs = new Map<string, string>()
  const listener: RequestListener = (request, response) => {
    const { method = '', url = '' } = request
    asked.push(`${method} ${url}`)
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const refused = method === 'PUT' ? status(url) : null
      if (refused !== null) return response.writeHead(refused).end('{}')
      if (method !== 'PUT') {
        const known = blobs.get(url.replace('/blobs/', ''))
        return response
          .writeHead(known === undefined ? 404 : 200)
          .end(method === 'HEAD' ? '' : known)
      }
      blobs.set(shaOf(body), body)
      response.writeHead(201).end(JSON.stringify({ sha256: shaOf(body), bytes: body.length }))
    })
  }
  return { asked, blobs, listener }
}

t.test(
  'outputs that the offer names are uploaded, in order, and listed in the outcome',
  async (t) => {
    const { blobs, listener } = blobMaster()
    const { runFiles } = await openRunFiles(t, listener)
    const offer = anOffer({ outputs: ['sub/*', 'b', 'none*'] })
    const run = await runFiles.open(offer, 'kind', never)
    mkdirSync(join(run.out, 'sub'))
    writeFileSync(join(run.out, 'b'), 'B')
    writeFileSync(join(run.out, 'c'), 'C')
    writeFileSync(join(run.out, 'sub/a'), 'A')
    const files = await deliver(runFiles, run, offer, never)
    t.same(files, [
      { name: 'b', bytes: 1, sha256: shaOf('B') },
      { name: 'sub/a', bytes: 1, sha256: shaOf('A') },
    ])
    t.same([...blobs.values()].sort(), ['A', 'B'], 'what was not named is not sent')
  },
)

t.test('a large output that the master has is not sent again', async (t) => {
  const { blobs, asked, listener } = blobMaster()
  const { runFiles } = await openRunFiles(t, listener)
  const large = 'x'.repeat(100_000)
  blobs.set(shaOf(large), large)
  const offer = anOffer({ outputs: ['*'] })
  const run = await runFiles.open(offer, 'kind', never)
  writeFileSync(join(run.out, 'large'), large)
  writeFileSync(join(run.out, 'new'), `${large}y`)
  writeFileSync(join(run.out, 'small'), 'x')
  const files = await deliver(runFiles, run, offer, never)
  t.same(
    files.map(({ name }) => name),
    ['large', 'new', 'small'],
  )
  t.same(
    asked.toSorted(),
    [
      `HEAD /blobs/${shaOf(large)}`,
      `HEAD /blobs/${shaOf(`${large}y`)}`,
      'PUT /blobs',
      'PUT /blobs',
    ].toSorted(),
  )
})

t.test(
  'what a program printed is an output when it is named, and its own file of that name is not',
  async (t) => {
    const { blobs, listener } = blobMaster()
    const { runFiles } = await openRunFiles(t, listener)
    const offer = anOffer({ kind: 'command', outputs: ['stdout', '*'] })
    const run = await runFiles.open(offer, 'program', never)
    t.same(run.streams, ['stdout'])
    writeFileSync(join(run.folder, 'stdout'), 'printed')
    writeFileSync(join(run.out, 'stdout'), 'a file')
    writeFileSync(join(run.out, 'stderr'), 'another file')
    const files = await deliver(runFiles, run, offer, never)
    t.same(
      files.map(({ name, sha256 = '' }) => [name, blobs.get(sha256)]),
      [
        ['stderr', 'another file'],
        ['stdout', 'printed'],
      ],
    )
  },
)

t.test('a program that failed delivers the outputs that are there', async (t) => {
  const { listener } = blobMaster()
  const { runFiles } = await openRunFiles(t, listener)
  const offer = anOffer({ kind: 'command', outputs: ['gone', 'link', 'there'] })
  const failed = (type: 'exit-code' | 'time-limit') =>
    ({ attempt: 'a1', outcome: { status: 'failed', type, message: 'no' }, ranMs: 1 }) as const
  const run = await runFiles.open(offer, 'program', never)
  writeFileSync(join(run.out, 'there'), 'text')
  symlinkSync('/etc/passwd', join(run.out, 'link'))
  const late = await runFiles.delivery.deliver(run, offer, failed('time-limit'), never)
  t.same(late, failed('time-limit'))
  const { outcome } = await runFiles.delivery.deliver(run, offer, failed('exit-code'), never)
  t.match(outcome, { type: 'exit-code', files: [{ name: 'there', sha256: shaOf('text') }] })
  t.equal(outcome.files?.length, 1)
})

t.test('an output that the master refuses for good fails the task', async (t) => {
  const { listener } = blobMaster(() => 413)
  const { runFiles, data } = await openRunFiles(t, listener)
  const offer = anOffer({ outputs: ['f'] })
  const run = await runFiles.open(offer, 'kind', never)
  writeFileSync(join(run.out, 'f'), 'abc')
  await t.rejects(deliver(runFiles, run, offer, never), {
    type: 'result-too-large',
    message: /the output f: the master answered 413/,
  })
  t.same(readdirSync(join(data, 'outputs')), [])
})

t.test('an agent that ended while it uploaded delivers the outcome when it is back', async (t) => {
  let isAway = true
  const { blobs, listener } = blobMaster(() => (isAway ? 503 : null))
  const { runFiles, data, open } = await openRunFiles(t, listener)
  const offer = anOffer({ outputs: ['sub/f'], traceparent: 'trace' })
  const run = await runFiles.open(offer, 'kind', never)
  mkdirSync(join(run.out, 'sub'))
  writeFileSync(join(run.out, 'sub/f'), 'abc')
  const never2 = deliver(runFiles, run, offer, never).catch(() => null)
  const kept = join(data, 'outputs')
  while (!existsSync(join(kept, readdirSync(kept)[0] ?? '', 'record'))) await delay(5)
  // As after kill -9: nothing was closed.
  mkdirSync(join(kept, 'half'))
  const next = open()
  t.same(next.delivery.unfinished(), [
    {
      attempt: 'a1',
      task: 't1',
      traceparent: 'trace',
      outcome: { status: 'done', result: new Raw('1') },
      ranMs: 1,
    },
  ])
  t.notOk(existsSync(join(kept, 'half')))
  isAway = false
  const callback = await next.delivery.finish('a1')
  const files = [{ name: 'sub/f', bytes: 3, sha256: shaOf('abc') }]
  t.same(callback.outcome, { status: 'done', result: new Raw('1'), files })
  t.equal(blobs.get(shaOf('abc')), 'abc')
  t.equal(readdirSync(kept).length, 1, 'it stays until the outcome is acknowledged')
  await next.delivery.settled(['other', 'a1'])
  t.same(readdirSync(kept), [])
  await runFiles.close()
  await never2
})

t.test('an outcome whose kept files are not whole is lost with its slave', async (t) => {
  const { listener } = blobMaster(() => 503)
  const { runFiles, data, open } = await openRunFiles(t, listener)
  const offer = anOffer({ outputs: ['f'] })
  const run = await runFiles.open(offer, 'kind', never)
  writeFileSync(join(run.out, 'f'), 'abc')
  const delivered = deliver(runFiles, run, offer, never).catch(() => null)
  const kept = join(data, 'outputs')
  while (!existsSync(join(kept, readdirSync(kept)[0] ?? '', 'record'))) await delay(5)
  writeFileSync(join(kept, readdirSync(kept)[0]!, 'run/out/f'), 'ab')
  const { outcome } = await open().delivery.finish('a1')
  t.match(outcome, { status: 'failed', type: 'slave-lost', message: /f is not whole/ })
  await runFiles.close()
  await delivered
})
