// The files of the slave in Python: a cache that its processes share, paths, and outputs by pattern. As ours
// (test/slave/files/).

import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { findPython } from '../../python.ts'
import { shaOf } from '../files/open-run-files.ts'

const python = findPython('http.client')
const run = promisify(execFile)
const FOLDER = join(import.meta.dirname, '../../../slave/python')
const START = `
import json, os, sys, threading
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from askfirst_slave.failure import Failure
from askfirst_slave.files.cache import Cache
from askfirst_slave.files.fetch import fetch
from askfirst_slave.files.outputs import find_outputs
from askfirst_slave.files.paths import Glob
told = json.loads(sys.argv[2])
def failure(act, *args):
    try:
        act(*args)
    except Failure as error:
        return error.type
`
/** Fetches a blob broken off once, then three times at once; and bad paths. */
const FETCH = `${START}
cache = Cache("cache", 15)
def bring(name):
    fetch({**told["file"], "name": name}, told["master"], None, told["master"], cache)
bring("in/a b")
threads = [threading.Thread(target=bring, args=(f"x{i}",)) for i in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
texts = [open(name).read() for name in ("in/a b", "x0", "x1", "x2")]
bad = [failure(bring, name) for name in ("../x", "/x", "a//b", "a\\0b", "x/..")]
print(json.dumps({"texts": texts, "bad": bad, "state": cache.state()}))
`
/** Uses two blobs, of which there is room for one, one after the other and at once. */
const LIMIT = `${START}
cache = Cache("cache", 15)
def bring(text):
    def write(path):
        with open(path, "w") as file: file.write(text)
    return write
seen = []
with cache.held(told["first"], 10, bring("0123456789")) as path: seen.append(open(path).read())
with cache.held(told["second"], 10, bring("abcdefghij")) as path:
    seen.append(os.listdir("cache/blobs") == [told["second"]])
    with cache.held(told["first"], 10, bring("0123456789")) as other: seen.append(other)
with open("cache/blobs/" + told["second"], "w") as file: file.write("abcdefghiX")
with cache.held(told["second"], 10, bring("abcdefghij")) as path: seen.append(open(path).read())
print(json.dumps([seen, os.listdir("cache/coming"), Cache("cache", 15).state()]))
`
const OUTPUTS = `${START}
os.symlink("/etc/passwd", "sub/link")
os.link("a.txt", "sub/hard")
os.mkfifo("sub/fifo")
seen = [failure(find_outputs, ".", [name]) for name in ("sub/link", "sub/l*", "b.txt", "sub/fifo", "sub", "gone")]
lenient = find_outputs(".", ["sub/*", "gone", "b.*"], True)
print(json.dumps([find_outputs(".", ["**/*.bin", "b.txt", "z*"]), seen, lenient]))
`
const GLOBS = `${START}
def matches(pattern, path):
    glob = Glob(pattern)
    progress = glob.beginning
    for name in path.split("/"): progress = glob.after(progress, name)
    return glob.is_whole(progress)
print(json.dumps([matches(*each) for each in told]))
`

async function answer(t: { testdirName: string }, program: string, told: unknown) {
  const given = { timeout: 60_000, cwd: t.testdirName }
  const { stdout } = await run(
    python as string,
    ['-c', program, FOLDER, JSON.stringify(told)],
    given,
  )
  return JSON.parse(stdout) as unknown
}

t.test(
  'a blob is fetched once, from where it broke off, and paths stay inside',
  { skip: !python },
  async (t) => {
    t.testdir({})
    const text = '0123456789'
    const asked: unknown[] = []
    const server = createServer((request, response) => {
      const { range } = request.headers
      asked.push(range)
      if (range === 'bytes=4-') {
        response.writeHead(206, { 'content-range': 'bytes 4-9/10', 'content-length': 6 })
        return response.end(text.slice(4))
      }
      response.writeHead(200, { 'content-length': 10 })
      response.write('0123', () => setTimeout(() => response.destroy(), 50))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
    t.teardown(() => server.close())
    const master = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const file = { url: '/blobs/x', sha256: shaOf(text), bytes: 10 }
    t.same(await answer(t, FETCH, { master, file }), {
      texts: [text, text, text, text],
      bad: Array(5).fill('missing-file'),
      state: { bytes: 10, bytesMax: 15 },
    })
    t.same(asked, [undefined, 'bytes=4-'])
  },
)

t.test(
  'the cache keeps its limit, what is used, and nothing that is not whole',
  { skip: !python },
  async (t) => {
    t.testdir({})
    const told = { first: shaOf('0123456789'), second: shaOf('abcdefghij') }
    t.same(await answer(t, LIMIT, told), [
      ['0123456789', true, null, 'abcdefghij'],
      [],
      { bytes: 10, bytesMax: 15 },
    ])
  },
)

t.test('outputs are regular files, without links, in order', { skip: !python }, async (t) => {
  t.testdir({ 'a.txt': '', 'b.txt': '', 'a.bin': '', sub: { 'c.bin': '' } })
  const link = 'invalid-result'
  t.same(await answer(t, OUTPUTS, null), [
    ['a.bin', 'b.txt', 'sub/c.bin'],
    [link, link, null, link, link, 'missing-output'],
    ['b.txt', 'sub/c.bin'],
  ])
})

t.test('patterns match as ours do', { skip: !python }, async (t) => {
  t.testdir({})
  const cases = [
    ['*', 'a', true],
    ['*', '.a', false],
    ['*', 'a/b', false],
    ['**', 'a/b/c.d', true],
    ['a/**', 'a', false],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/xb', false],
    ['[!a-c]x', 'dx', true],
    ['[!a-c]x', 'ax', false],
    ['[]]x', ']x', true],
    ['[ax', '[ax', true],
    ['a*b*c', 'axbxbxc', true],
    [`${'*a'.repeat(500)}b`, 'a'.repeat(255), false],
  ] as const
  const told = cases.map(([pattern, path]) => [pattern, path])
  t.same(
    await answer(t, GLOBS, told),
    cases.map(([, , matched]) => matched),
  )
})
