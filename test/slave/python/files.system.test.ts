// The slave in Python notices that a file changed while it was read, as ours does (shared/process/unchanged-file.ts).

import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { findPython } from '../../python.ts'
import { age, rewrite } from '../../shared/rewrite.ts'

const python = findPython('http.client')
const run = promisify(execFile)
const FOLDER = join(import.meta.dirname, '../../../slave/python')
/** Uploads `f` to the master and says what came of it. */
const UPLOAD = `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from askfirst_slave.failure import Failure
from askfirst_slave.files.upload import upload
try:
    print(json.dumps(upload("f", sys.argv[2], None)))
except Failure as failure:
    print(json.dumps([failure.type, str(failure)]))
`
/** Reads strip.png, which changes after its head was read; no Pillow is needed to get so far. */
const GRAY = `
import json, sys, types
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
class Image:
    def open(*given, **more):
        with open("strip.png", "ab") as file:
            file.write(b"more")
        raise OSError("broken PNG")
from askfirst_slave.failure import Failure
from askfirst_slave.kinds import grayscale
sys.modules["PIL"] = types.SimpleNamespace(Image=Image)
grayscale.check_png = lambda path: (1, 1)
try:
    grayscale.run({})
except Failure as failure:
    print(json.dumps([failure.type, str(failure)]))
`

const words = (name: string) =>
  `${name} changed while it was read. It must not change until the task has ended: submit the task again`

for (const status of [201, 500]) {
  const what = `a file that changes while it is uploaded, which is answered ${status}, ends the task`
  t.test(what, { skip: !python }, async (t) => {
    const cwd = t.testdir({ f: 'abc' })
    const path = join(cwd, 'f')
    age(path)
    const server = createServer((request, response) => {
      rewrite(path)
      request.resume().on('end', () => response.writeHead(status).end('{"sha256": "other"}'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
    t.teardown(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const given = { timeout: 30_000, cwd }
    const { stdout } = await run(python as string, ['-c', UPLOAD, FOLDER, url], given)
    t.same(JSON.parse(stdout), ['file-changed', words('f')])
  })
}

t.test('a strip that changes while it is read ends the task', { skip: !python }, async (t) => {
  const given = { timeout: 30_000, cwd: t.testdir({ 'strip.png': 'abc' }) }
  const { stdout } = await run(python as string, ['-c', GRAY, FOLDER], given)
  t.same(JSON.parse(stdout), ['file-changed', words('strip.png')])
})
