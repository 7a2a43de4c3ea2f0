// The allow-list of the slave in Python: what --commands may be, and which file a name stands for. As ours
// (test/slave/commands/programs.test.ts).

import { execFile } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { findPython } from '../../python.ts'
import { UNCLEAR } from '../commands/unclear-lists.ts'

const python = findPython('http.client')
const run = promisify(execFile)
const FOLDER = join(import.meta.dirname, '../../../slave/python')
const SCRIPT = `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from askfirst_slave.commands.programs import Programs, parse_allowed
told = json.loads(sys.argv[2])
def parsed(listed):
    try:
        return parse_allowed(listed)
    except ValueError as error:
        return str(error)
def found(listed, name):
    return Programs(parse_allowed(listed), told["path"]).find(name)
print(json.dumps({
    "parsed": [parsed(listed) for listed in told["lists"]],
    "found": [found(*each) for each in told["searched"]],
    "path": Programs("any", told["path"]).path(),
}))
`

t.test('reads the list of programs, and finds them', { skip: !python }, async (t) => {
  const root = t.testdir({ first: { flac: {} }, second: { flac: '#!/bin/sh', readme: '' } })
  const [first, second] = [join(root, 'first'), join(root, 'second')]
  chmodSync(join(second, 'flac'), 0o755)
  const good = ['ffmpeg,convert=/usr/bin/convert,a=/b=c', 'any']
  const lists = [...good, ...UNCLEAR.map(([list]) => list.join(','))]
  const flac = [join(second, 'flac'), null]
  const finds: [listed: string, name: string, what: unknown[]][] = [
    ['flac', 'flac', flac],
    ['any', 'flac', flac],
    ['any', 'readme', [null, '"readme" is not installed here']],
    ['flac=/nowhere/flac', 'flac', [null, '"flac" is not installed here']],
    ['flac', 'sh', [null, 'does not run "sh"']],
    ['flac', '\u20ac"\n', [null, 'does not run "\u20ac\\"\\n"']],
    ['any', '../second/flac', [null, 'does not run "../second/flac"']],
    ['any', 'flac\0', [null, 'does not run "flac\\u0000"']],
    ['any', '..', [null, '".." is not installed here']],
  ]
  const told = {
    path: `${first}:relative:${second}`,
    lists,
    searched: finds.map(([listed, name]) => [listed, name]),
  }
  const args = ['-c', SCRIPT, FOLDER, JSON.stringify(told)]
  const { stdout } = await run(python as string, args, { timeout: 60_000 })
  const { parsed, found, path } = JSON.parse(stdout)
  t.same(parsed.slice(0, 2), [{ ffmpeg: null, convert: '/usr/bin/convert', a: '/b=c' }, 'any'])
  for (const [i, [, why]] of UNCLEAR.entries()) t.match(parsed[i + 2], why)
  t.same(
    found,
    finds.map(([, , what]) => what),
  )
  t.equal(path, `${first}:${second}`, 'relative folders do not count')
})
