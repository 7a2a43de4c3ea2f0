// The executor of the Python slave: what the child process of a task leaves behind.

import { execFile } from 'node:child_process'
import { cpSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { findPython } from '../../python.ts'

const python = findPython('http.client')
const skip = python ? false : 'python3 (3.11 or later) is not installed'
const run = promisify(execFile)
const PACKAGE = join(import.meta.dirname, '../../../slave/python/askfirst_slave')
/** Computes one task in a child process, from the package in the current folder. */
const SCRIPT = `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, ".")
from askfirst_slave.executor.executor import Executor, Run
offer = {"attempt": "a", "task": "t", "kind": "sleep", "input": {"ms": 1}, "runLimitMs": 60_000}
print(json.dumps(Executor("http://127.0.0.1:9", None, "http://127.0.0.1:9").compute(Run(offer), ".")))
`

t.test('a task writes nothing into the folder of the program', { skip }, async (t) => {
  const cwd = t.testdir()
  const filter = (path: string): boolean => !path.endsWith('__pycache__')
  cpSync(PACKAGE, join(cwd, 'askfirst_slave'), { recursive: true, filter })
  // Without PYTHON* in the environment, which could forbid it too.
  const given = { cwd, env: { PATH: process.env.PATH }, timeout: 60_000 }
  const { stdout } = await run(python as string, ['-c', SCRIPT], given)
  t.same(JSON.parse(stdout), { status: 'done', result: { sleptMs: 1 } })
  t.same(globSync('**/*.pyc', { cwd }), [])
})
