import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { ProblemError } from '../../../shared/client/errors.ts'
import { createFiles } from '../../../shared/client/files.ts'
import type { FakeReply } from './fake-connection.ts'
import { createFakeConnection } from './fake-connection.ts'

/** Files whose requests get these replies, one after the other; the last is repeated. */
function filesWith(...replies: (FakeReply | Error)[]) {
  const { connection, requests } = createFakeConnection((_, number) => {
    const reply = replies[Math.min(number, replies.length - 1)]
    if (reply instanceof Error) throw reply
    return reply ?? {}
  })
  return { files: createFiles(connection), requests }
}

t.test('puts bytes, and makes a stream of them for each try', async (t) => {
  const { files, requests } = filesWith({ value: { sha256: 'x' } })
  const bytes = new Uint8Array([1, 2])
  t.same(await files.putBlob(bytes), { sha256: 'x' })
  const made = () => Readable.from(['a'])
  await files.putBlob(made, { type: 'text/plain', patienceMs: 5 })
  t.match(requests, [
    { method: 'PUT', path: '/blobs', headers: { 'content-type': 'application/octet-stream' } },
    { headers: { 'content-type': 'text/plain' }, patienceMs: 5 },
  ])
  t.equal(requests[0]?.bytes?.(), bytes)
  t.equal(requests[1]?.bytes, made)
})

t.test('gives the bytes of a blob', async (t) => {
  const { files, requests } = filesWith({ bytes: 'd' })
  const { body, ...known } = await files.getBlob('a/b')
  t.same(known, { type: 'application/octet-stream', bytes: null })
  t.equal(await text(body), 'd')
  t.match(requests, [{ method: 'GET', path: '/blobs/a%2Fb' }])
})

t.test('says whether the master has a blob, without its bytes', async (t) => {
  const there = filesWith({})
  t.equal(await there.files.hasBlob('abc', { patienceMs: 3 }), true)
  t.match(there.requests, [{ method: 'HEAD', path: '/blobs/abc', patienceMs: 3 }])
  const absent = filesWith(new ProblemError({ type: 'not-understood', status: 404 }))
  t.equal(await absent.files.hasBlob('abc'), false)
  const forbidden = new ProblemError({ type: 'forbidden', status: 403 })
  await t.rejects(filesWith(forbidden).files.hasBlob('abc'), forbidden)
})

t.test('lists the files of a task, and gives one by its path', async (t) => {
  const file = { name: 'out/a b?.txt', bytes: 3, sha256: 'abc' }
  const { files, requests } = filesWith({ value: { files: [file] } }, { bytes: 'abc' })
  t.same(await files.taskFiles('t 1'), [file])
  const { body } = await files.taskFile('t 1', file.name, { patienceMs: 2 })
  t.equal(await text(body), 'abc')
  t.match(requests, [
    { method: 'GET', path: '/tasks/t%201/files' },
    { method: 'GET', path: '/tasks/t%201/files/out/a%20b%3F.txt', patienceMs: 2 },
  ])
})
