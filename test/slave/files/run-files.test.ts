// The slave's files: fetched whole or not at all, kept for whoever shows the ticket, gone when told.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { MissingFileError } from '../../../slave/files/run-files.ts'
import { anOffer, never, openRunFiles, shaOf } from './open-run-files.ts'

t.test('files are fetched from the master or a peer, with the ticket, and checked', async (t) => {
  const asked: unknown[] = []
  const { runFiles, master } = await openRunFiles(t, (request, response) => {
    asked.push([request.url, request.headers.authorization])
    response.end(`content of ${request.url}`)
  })
  const sha256 = shaOf('content of /blobs/x')
  const files = [
    { name: 'x', url: '/blobs/x', sha256 },
    { name: 'y', url: `${master}/partitions/j/t/y`, bytes: 28, ticket: 'secret' },
  ]
  const room = await runFiles.open(anOffer({ files }), 'kind', never)
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
    const { runFiles, root } = await openRunFiles(t, (request, response) => {
      if (request.url === '/gone') response.writeHead(404)
      response.end('abc')
    })
    const files = [
      { name: 'good', url: '/good', bytes: 3 },
      { name: 'gone', url: '/gone' },
    ]
    const error = await runFiles
      .open(anOffer({ files }), 'kind', never)
      .catch((error: unknown) => error)
    t.type(error, MissingFileError)
    t.match(error, { names: ['gone'], message: /answered 404/ })
    t.same(readdirSync(join(root, 'runs')), [])
  },
)

t.test('a file is written under its path, and never outside the folder of its run', async (t) => {
  const { runFiles, root } = await openRunFiles(t, (_request, response) => response.end('text'))
  const file = (name: string) => ({ name, url: '/blobs/x' })
  const run = await runFiles.open(anOffer({ files: [file('a/b c/d.txt')] }), 'kind', never)
  t.equal(readFileSync(join(run.folder, 'in/a/b c/d.txt'), 'utf8'), 'text')
  for (const name of ['../x', 'a/../../x', '/x', 'a//x', '..', 'a\0b']) {
    const opened = runFiles.open(anOffer({ files: [file(name)] }), 'kind', never)
    await t.rejects(opened, { names: [name], message: /its name / })
  }
  t.same(readdirSync(root).sort(), ['partitions', 'runs'])
})

t.test('a file that is longer than it was said to be is not taken in', async (t) => {
  let sent = 0
  const { runFiles } = await openRunFiles(t, (_request, response) => {
    const more = (): void => {
      if (response.destroyed) return
      sent += 65_536
      response.write(Buffer.alloc(65_536), () => setImmediate(more))
    }
    more()
  })
  const files = [{ name: 'f', url: '/f', bytes: 5 }]
  const error = await runFiles
    .open(anOffer({ files }), 'kind', never)
    .catch((error: unknown) => error)
  t.match(error, { names: ['f'], message: /more than 5 bytes were received/ })
  t.ok(sent < 64_000_000, 'whoever sends without end is not listened to')
})

t.test('an outage of the master is waited for, a wrong file is not', async (t) => {
  let times = 0
  const { runFiles } = await openRunFiles(t, (request, response) => {
    if (request.url === '/wrong') return response.end('wrong')
    times++
    if (times <= 5) return response.writeHead(503).end()
    response.end('whole')
  })
  const away = runFiles.open(
    anOffer({ files: [{ name: 'f', url: '/f', bytes: 5 }] }),
    'kind',
    never,
  )
  const sha256 = shaOf('whole')
  const wrong = runFiles
    .open(anOffer({ files: [{ name: 'w', url: '/wrong', sha256 }] }), 'kind', never)
    .catch((error: unknown) => error)
  t.equal(readFileSync((await away).files.f!, 'utf8'), 'whole')
  t.match(await wrong, { names: ['w'], message: /SHA-256 does not match/ })
})

t.test('a file that broke off is fetched again', async (t) => {
  let times = 0
  const { runFiles } = await openRunFiles(t, (_request, response) => {
    times++
    if (times > 2) return response.end('whole')
    response.writeHead(200, { 'content-length': 5 })
    response.write('wh')
    response.destroy()
  })
  const room = await runFiles.open(
    anOffer({ files: [{ name: 'f', url: '/f', bytes: 5 }] }),
    'kind',
    never,
  )
  t.equal(readFileSync(room.files.f!, 'utf8'), 'whole')
  t.equal(times, 3)
})

t.test('an abort ends a fetch that stands still', async (t) => {
  const begun = Promise.withResolvers<void>()
  const { runFiles, root } = await openRunFiles(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 5 })
    response.write('wh')
    begun.resolve()
  })
  const abort = new AbortController()
  const opening = runFiles.open(
    anOffer({ files: [{ name: 'f', url: '/f' }] }),
    'kind',
    abort.signal,
  )
  await begun.promise
  abort.abort()
  await t.rejects(opening)
  t.same(readdirSync(join(root, 'runs')), [])
})

t.test(
  'a file of a peer is not fetched from where no slave can be, nor with a ticket',
  async (t) => {
    const asked: unknown[] = []
    const { runFiles, master } = await openRunFiles(
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
      const error = await runFiles
        .open(anOffer({ files }), 'kind', never)
        .catch((error: unknown) => error)
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
  const { runFiles } = await openRunFiles(t, (request, response) => {
    asked.push([request.url, request.headers.authorization])
    response.end('x')
  })
  const other = await openRunFiles(t, (request, response) => {
    asked.push(['elsewhere', request.url])
    response.end('x')
  })
  const { host } = new URL(other.master)
  for (const url of [`//${host}/x`, `/\\${host}/x`]) {
    const files = [{ name: 'f', url }]
    const error = await runFiles
      .open(anOffer({ files }), 'kind', never)
      .catch((error: unknown) => error)
    t.match(error, { names: ['f'], message: /is not at the master/ }, url)
  }
  await runFiles.open(
    anOffer({ files: [{ name: 'f', url: '/f', ticket: 'secret' }] }),
    'kind',
    never,
  )
  t.same(asked, [['/f', undefined]], 'and the master is shown no ticket')
})

t.test('a peer that sends a byte now and then is given up', async (t) => {
  const { runFiles, master } = await openRunFiles(
    t,
    (_request, response) => {
      response.writeHead(200, { 'content-length': '1000000' })
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    },
    { transferMs: 100 },
  )
  const files = [{ name: 'x', url: `${master}/partitions/j/t/x`, bytes: 1_000_000 }]
  await t.rejects(runFiles.open(anOffer({ files }), 'kind', never), {
    names: ['x'],
    message: /too slow/,
  })
})

t.test('a blob is fetched once for all runs, and is gone from no run that uses it', async (t) => {
  let times = 0
  const { runFiles, open } = await openRunFiles(
    t,
    (_request, response) => {
      times++
      response.end('whole')
    },
    { cacheBytesMax: 5 },
  )
  const files = [
    { name: 'a/b', url: '/blobs/x', bytes: 5, sha256: shaOf('whole') },
    { name: 'c', url: '/blobs/x', bytes: 5, sha256: shaOf('whole') },
  ]
  const run = await runFiles.open(anOffer({ files }), 'kind', never)
  t.equal(readFileSync(run.files['a/b']!, 'utf8'), 'whole')
  t.equal(run.files.c, run.files['a/b'])
  await runFiles.discard(run)
  const program = await runFiles.open(anOffer({ files }), 'program', never)
  t.equal(times, 1)
  t.same(runFiles.cache(), { bytes: 5, bytesMax: 5 })
  writeFileSync(join(program.out, 'a/b'), 'changed')
  t.equal(readFileSync(join(program.out, 'c'), 'utf8'), 'whole', 'a program has copies')
  await runFiles.discard(program)
  const next = open()
  const again = await next.open(anOffer({ files }), 'kind', never)
  t.equal(readFileSync(again.files.c!, 'utf8'), 'whole')
  t.equal(times, 1, 'also after a restart of the agent')
})

t.test('a blob for which the cache has no room comes into the folder of its run', async (t) => {
  const { runFiles } = await openRunFiles(t, (_request, response) => response.end('whole'), {
    cacheBytesMax: 4,
  })
  const files = [{ name: 'f', url: '/blobs/x', bytes: 5, sha256: shaOf('whole') }]
  const run = await runFiles.open(anOffer({ files }), 'kind', never)
  t.equal(run.files.f, join(run.folder, 'in/f'))
  t.equal(readFileSync(join(run.folder, 'in/f'), 'utf8'), 'whole')
  t.same(runFiles.cache(), { bytes: 0, bytesMax: 4 })
})

t.test('what a broken connection left is not fetched again, where parts are sent', async (t) => {
  const asked: unknown[] = []
  const text = 'a file of some length'
  const { runFiles } = await openRunFiles(t, (request, response) => {
    const { range = '' } = request.headers
    asked.push(range)
    const from = Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0)
    const some = text.slice(from, from + 8)
    const head = { 'content-length': text.length - from }
    if (from === 0) response.writeHead(200, head)
    else response.writeHead(206, { ...head, 'content-range': `bytes ${from}-20/21` })
    if (from + 8 >= text.length) return response.end(some)
    response.write(some, () => setTimeout(() => response.destroy(), 50))
  })
  const file = { name: 'f', url: '/blobs/x', bytes: text.length, sha256: shaOf(text) }
  const run = await runFiles.open(anOffer({ files: [file] }), 'kind', never)
  t.equal(readFileSync(run.files.f!, 'utf8'), text)
  t.same(asked, ['', 'bytes=8-', 'bytes=16-'])
})

t.test('a rest that does not fit the beginning is fetched as a whole', async (t) => {
  const asked: unknown[] = []
  const { runFiles } = await openRunFiles(t, (request, response) => {
    const { range = '' } = request.headers
    asked.push(range)
    if (asked.length === 1) {
      response.writeHead(200, { 'content-length': 5 })
      response.write('wh', () => setTimeout(() => response.destroy(), 50))
    } else if (range === '') response.end('whole')
    else response.writeHead(206, { 'content-range': 'bytes 2-4/5' }).end('xxx')
  })
  const files = [{ name: 'f', url: '/blobs/x', bytes: 5, sha256: shaOf('whole') }]
  const run = await runFiles.open(anOffer({ files }), 'kind', never)
  t.equal(readFileSync(run.files.f!, 'utf8'), 'whole')
  t.same(asked, ['', 'bytes=2-', ''])
})
