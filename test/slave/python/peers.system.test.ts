// Where the slave in Python fetches files of peers: the same rule as ours (slave/link/peers.ts).

import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'

const NEEDS = 'import sys; sys.exit(sys.version_info < (3, 11))'
const isThere = spawnSync('python3', ['-c', NEEDS], { stdio: 'ignore' }).status === 0
const skip = isThere ? false : 'python3 (3.11 or later) is not installed'
const FOLDER = new URL('../../../slave/python/', import.meta.url).pathname

/** Fetches a file from each of these addresses as the slave of `own` would; what each came to. */
const PROGRAM = `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from askfirst_slave.failure import Failure
from askfirst_slave.files import fetch
from askfirst_slave.files.cache import Cache
fetch.FETCH_TRIES = 1
cache = Cache('cache', 1000)
said = []
for url in sys.argv[3:]:
    try:
        fetch.fetch({"name": "f", "url": url, "ticket": "secret"}, "http://10.0.0.1:8080", None, sys.argv[2], cache)
        said.append("fetched")
    except Failure as failure:
        said.append(str(failure))
print(json.dumps(said))
`

t.test('the slave in Python fetches nothing from where no slave can be', { skip }, async (t) => {
  const asked: unknown[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization)
    response.end('x')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const fetchAll = (own: string, urls: string[]): Promise<string[]> =>
    new Promise((resolve) => {
      const given = ['-c', PROGRAM, FOLDER, own, ...urls]
      execFile('python3', given, { cwd: t.testdir() }, (error, stdout) =>
        resolve(error ? [error.message] : JSON.parse(stdout)),
      )
    })
  const inward = ['127.0.0.1', 'localhost', '2130706433', '[::ffff:127.0.0.1]', '0.0.0.0']
  const said = await fetchAll(
    'http://10.0.0.5:9101',
    inward.map((host) => `http://${host}:${port}/x`),
  )
  t.equal(said.length, inward.length, said.join())
  for (const words of said) t.match(words, /not in the networks that a slave fetches files from/)
  t.same(asked, [])
  t.same(await fetchAll(`http://127.0.0.1:9101`, [`http://127.0.0.1:${port}/x`]), ['fetched'])
  t.same(await fetchAll(`http://127.0.0.1:9101`, [`http://169.254.169.254/x`]), [
    'f could not be fetched from http://169.254.169.254/x: 169.254.169.254 is at 169.254.169.254, ' +
      'which is not in the networks that a slave fetches files from',
  ])
  t.same(asked, ['Bearer secret'])
})
