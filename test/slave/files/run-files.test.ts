// The slave's files: fetched whole or not at all, kept for whoever shows the ticket, gone when told.

import { createHash } from 'node:crypto'
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
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { Offer } from '../../../shared/protocol/wire.ts'
import { MissingFileError } from '../../../slave/files/fetch.ts'
import { createRunFiles, NotAFileError } from '../../../slave/files/run-files.ts'
import { connectToPeers } from '../../../slave/link/peers.ts'
import { age, rewrite } from '../../shared/rewrite.ts'

type Test = Pick<typeof t, 'teardown' | 'testdir'>

/** A server that stands for the master, and a runFiles. */
async function setUp(
  t: Test,
  listener: RequestListener,
  { host = '127.0.0.1', transferMs }: { host?: string; transferMs?: number } = {},
) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  t.teardown(() => void server.close())
  const { port } = server.address() as AddressInfo
  const master = `http://127.0.0.1:${port}`
  const root = join(t.testdir(), 'work')
  const url = () => 'http://me:1'
  const connect = { peer: connectToPeers({ host, requestTimeoutMs: 1000 }, undefined, url) }
  const limit = transferMs === undefined ? {} : { transferMs }
  const runFiles = createRunFiles({ root, shared: null, master, url, connect, ...limit })
  t.teardown(() => runFiles.close())
  return { runFiles, master, root }
}

const anOffer = (more: Partial<Offer>): Offer => ({
  attempt: 'a1',
  task: 't1',
  kind: 'k',
  input: {},
  runLimitMs: 1000,
  ...more,
})

const never = new AbortController().signal
const shaOf = (text: string): string => createHash('sha256').update(text).digest('hex')

t.test('files are fetched from the master or a peer, with the ticket, and checked', async (t) => {
  const asked: unknown[] = []
  const { runFiles, master } = await setUp(t, (request, response) => {
    asked.push([request.url, request.headers.authorization])
    response.end(`content of ${request.url}`)
  })
  const sha256 = shaOf('content of /blobs/x')
  const files = [
    { name: 'x', url: '/blobs/x', sha256 },
    { name: 'y', url: `${master}/partitions/j/t/y`, bytes: 28, ticket: 'secret' },
  ]
  const room = await runFiles.open(anOffer({ files }), never)
  t.equal(readFileSync(room.files.x!, 'utf8'), 'content of /blobs/x')
  t.equal(readFileSync(room.files.y!, 'utf8'), 'content of /partitions/j/t/y')
  t.same(asked.toSorted(), [
    ['/blobs/x', undefined],
    ['/partitions/j/t/y', 'Bearer secret'],
  ])
  await runFiles.discard(room)
  t.notOk(existsSync(room.folder))
})

t.test(
  'a file that is not there, or is not the right one, is named, and nothing is left',
  async (t) => {
    const { runFiles, root } = await setUp(t, (request, response) => {
      if (request.url === '/gone') response.writeHead(404)
      response.end('abc')
    })
    const files = [
      { name: 'good', url: '/good', bytes: 3 },
      { name: 'gone', url: '/gone' },
    ]
    const error = await runFiles.open(anOffer({ files }), never).catch((error: unknown) => error)
    t.type(error, MissingFileError)
    t.match(error, { names: ['gone'], message: /answered 404/ })
    t.same(readdirSync(join(root, 'runs')), [])
  },
)

t.test('a file is written under its path, and never outside the folder of its run', async (t) => {
  const { runFiles, root } = await setUp(t, (_request, response) => response.end('text'))
  const file = (name: string) => ({ name, url: '/blobs/x' })
  const run = await runFiles.open(anOffer({ files: [file('a/b c/d.txt')] }), never)
  t.equal(readFileSync(join(run.folder, 'in/a/b c/d.txt'), 'utf8'), 'text')
  for (const name of ['../x', 'a/../../x', '/x', 'a//x', '..', 'a\0b']) {
    const opened = runFiles.open(anOffer({ files: [file(name)] }), never)
    await t.rejects(opened, { names: [name], message: /its name / })
  }
  t.same(readdirSync(root).sort(), ['partitions', 'runs'])
})

t.test('a file that is longer than it was said to be is not taken in', async (t) => {
  let sent = 0
  const { runFiles } = await setUp(t, (_request, response) => {
    const more = (): void => {
      if (response.destroyed) return
      sent += 65_536
      response.write(Buffer.alloc(65_536), () => setImmediate(more))
    }
    more()
  })
  const files = [{ name: 'f', url: '/f', bytes: 5 }]
  const error = await runFiles.open(anOffer({ files }), never).catch((error: unknown) => error)
  t.match(error, { names: ['f'], message: /more than 5 bytes were received/ })
  t.ok(sent < 64_000_000, 'whoever sends without end is not listened to')
})

t.test('an outage of the master is waited for, a wrong file is not', async (t) => {
  let times = 0
  const { runFiles } = await setUp(t, (request, response) => {
    if (request.url === '/wrong') return response.end('wrong')
    times++
    if (times <= 5) return response.writeHead(503).end()
    response.end('whole')
  })
  const away = runFiles.open(anOffer({ files: [{ name: 'f', url: '/f', bytes: 5 }] }), never)
  const sha256 = shaOf('whole')
  const wrong = runFiles
    .open(anOffer({ files: [{ name: 'w', url: '/wrong', sha256 }] }), never)
    .catch((error: unknown) => error)
  t.equal(readFileSync((await away).files.f!, 'utf8'), 'whole')
  t.match(await wrong, { names: ['w'], message: /SHA-256 does not match/ })
})

t.test('a file that broke off is fetched again', async (t) => {
  let times = 0
  const { runFiles } = await setUp(t, (_request, response) => {
    times++
    if (times > 2) return response.end('whole')
    response.writeHead(200, { 'content-length': 5 })
    response.write('wh')
    response.destroy()
  })
  const room = await runFiles.open(anOffer({ files: [{ name: 'f', url: '/f', bytes: 5 }] }), never)
  t.equal(readFileSync(room.files.f!, 'utf8'), 'whole')
  t.equal(times, 3)
})

t.test(
  'outputs are kept for peers with the ticket of the job, until the job has ended',
  async (t) => {
    const { runFiles } = await setUp(t, (_request, response) => response.end())
    const offer = anOffer({ job: 'j1', task: 't1', ticket: 'secret', keep: 'slave' })
    const room = await runFiles.open(offer, never)
    writeFileSync(join(room.out, 'r0'), 'words')
    const files = await runFiles.deliver(room, offer, never)
    const url = 'http://me:1/partitions/j1/t1/r0'
    t.same(files, [{ name: 'r0', bytes: 5, sha256: shaOf('words'), url }])
    t.same(runFiles.jobs(), ['j1'])
    const found = await runFiles.find('j1', 't1', 'r0', 'secret')
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
        await runFiles.find(job, task, name, ticket),
        null,
        `${job} ${task} ${name} ${ticket}`,
      )
    }
    await runFiles.drop(['j1', 'unknown'])
    t.equal(await runFiles.find('j1', 't1', 'r0', 'secret'), null)
    t.same(runFiles.jobs(), [])
  },
)

t.test('outputs for the master are sent again until it has them', async (t) => {
  let times = 0
  const { runFiles } = await setUp(t, (request, response) => {
    request.resume()
    request.on('end', () => {
      times++
      if (times < 3) return response.writeHead(503).end('{}')
      response.end(JSON.stringify({ sha256: shaOf('result'), bytes: 6 }))
    })
  })
  const offer = anOffer({ job: 'j1', keep: 'master' })
  const room = await runFiles.open(offer, never)
  writeFileSync(join(room.out, 'result.txt'), 'result')
  const files = await runFiles.deliver(room, offer, never)
  t.same(files, [{ name: 'result.txt', bytes: 6, sha256: shaOf('result') }])
  t.equal(times, 3)
})

t.test('an abort ends a fetch that stands still', async (t) => {
  const begun = Promise.withResolvers<void>()
  const { runFiles, root } = await setUp(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 5 })
    response.write('wh')
    begun.resolve()
  })
  const abort = new AbortController()
  const opening = runFiles.open(anOffer({ files: [{ name: 'f', url: '/f' }] }), abort.signal)
  await begun.promise
  abort.abort()
  await t.rejects(opening)
  t.same(readdirSync(join(root, 'runs')), [])
})

t.test(
  'a file of a peer is not fetched from where no slave can be, nor with a ticket',
  async (t) => {
    const asked: unknown[] = []
    const { runFiles, master } = await setUp(
      t,
      (request, response) => {
        asked.push(request.url)
        response.end('secret')
      },
      { host: '10.0.0.5' },
    )
    const { port } = new URL(master)
    const urls = [
      `http://127.0.0.1:${port}/x`,
      `http://localhost:${port}/x`,
      `http://2130706433:${port}/x`,
      `http://[::ffff:127.0.0.1]:${port}/x`,
      `http://0.0.0.0:${port}/x`,
    ]
    for (const url of urls) {
      const files = [{ name: 'f', url, ticket: 'secret' }]
      const error = await runFiles.open(anOffer({ files }), never).catch((error: unknown) => error)
      t.match(
        error,
        { names: ['f'], message: /not in the networks that a slave fetches files from/ },
        url,
      )
    }
    t.same(asked, [])
  },
)

t.test('an address that begins like one of the master leads nowhere else', async (t) => {
  const asked: unknown[] = []
  const { runFiles } = await setUp(t, (request, response) => {
    asked.push([request.url, request.headers.authorization])
    response.end('x')
  })
  const other = await setUp(t, (request, response) => {
    asked.push(['elsewhere', request.url])
    response.end('x')
  })
  const { host } = new URL(other.master)
  for (const url of [`//${host}/x`, `/\\${host}/x`]) {
    const files = [{ name: 'f', url }]
    const error = await runFiles.open(anOffer({ files }), never).catch((error: unknown) => error)
    t.match(error, { names: ['f'], message: /is not at the master/ }, url)
  }
  await runFiles.open(anOffer({ files: [{ name: 'f', url: '/f', ticket: 'secret' }] }), never)
  t.same(asked, [['/f', undefined]], 'and the master is shown no ticket')
})

t.test('a peer that sends a byte now and then is given up', async (t) => {
  const { runFiles, master } = await setUp(
    t,
    (_request, response) => {
      response.writeHead(200, { 'content-length': '1000000' })
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    },
    { transferMs: 100 },
  )
  const files = [{ name: 'x', url: `${master}/partitions/j/t/x`, bytes: 1_000_000 }]
  await t.rejects(runFiles.open(anOffer({ files }), never), { names: ['x'], message: /too slow/ })
})

t.test('an output that is a link or no file is neither uploaded nor kept', async (t) => {
  const bodies: string[] = []
  const { runFiles } = await setUp(t, (request, response) => {
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
      const room = await runFiles.open(offer, never)
      make(room.out)
      const given = runFiles.deliver(room, offer, never)
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
  const { runFiles } = await setUp(t, (request, response) => {
    if (++times > 1) return response.writeHead(422).end()
    change()
    request.resume().on('end', () => response.writeHead(500).end())
  })
  const offer = anOffer({ keep: 'master' })
  const room = await runFiles.open(offer, never)
  const path = join(room.out, 'f')
  writeFileSync(path, 'abc')
  age(path)
  change = () => rewrite(path)
  await t.rejects(runFiles.deliver(room, offer, never), {
    type: 'file-changed',
    message: /^f changed while it was read/,
  })
  t.equal(times, 1)
})
