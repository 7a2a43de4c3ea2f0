// The Python slave's requests have one deadline each, whatever the other side does.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { findPython } from '../../python.ts'
import { ODDITIES, startOdd } from '../../shared/http/odd-servers.ts'

const python = findPython('http.client')
const run = promisify(execFile)
/** Connects as the slave does, with a deadline of half a second; says what came of it. */
const SCRIPT = `
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from askfirst_slave.link.connect import connect
try:
    with connect(sys.argv[2], 0.5) as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        print("answered", answer.status, len(answer.read(100_000)))
except Exception as error:
    print("failed:", error)
`
const FOLDER = join(import.meta.dirname, '../../../slave/python')

for (const odd of ODDITIES) {
  t.test(`a master that ${odd} holds it up no longer than that`, { skip: !python }, async (t) => {
    const { url } = await startOdd(t, odd)
    // Without a deadline the script would never end, and be killed.
    const given = { timeout: 30_000 }
    const { stdout } = await run(python as string, ['-c', SCRIPT, FOLDER, url], given)
    t.match(stdout, /^(answered|failed)/)
  })
}
