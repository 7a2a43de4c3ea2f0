// Numbers go through the Python slave as they were written, byte for byte; what a float does not hold
// is refused.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { findPython } from '../../python.ts'

const python = findPython('http.client')
const skip = python ? false : 'python3 (3.11 or later) is not installed'
const FOLDER = join(import.meta.dirname, '../../../slave/python')

/** What the agent does with each text: reads it, and writes it again. */
const PASS_ON = `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from askfirst_slave.link.numbers import NUMBERS, write_json
for text in json.load(sys.stdin):
    print(write_json(json.loads(text, **NUMBERS)))
`

t.test('the agent passes numbers on as they were written', { skip }, async (t) => {
  const numbers =
    '-0.0,-0,0.0,1.0,1.10,0.1000,1E5,1e5,0.1e-7,12345678901234567890,-7,0.30000000000000004'
  const texts = [
    `[${numbers}]`,
    '1.10',
    '{"a": {"b": [1.10, "1.10", true, null]}, "c": 0.5}',
    `${'['.repeat(600)}1.10${']'.repeat(600)}`,
    '"no numbers"',
  ]
  const input = JSON.stringify(texts)
  const args = ['-c', PASS_ON, FOLDER]
  const lines = execFileSync(python as string, args, { input, encoding: 'utf8' })
    .trim()
    .split('\n')
  const compact = (text: string | undefined): string | undefined => text?.replaceAll(', ', ',')
  t.same(
    lines.map(compact),
    texts.map((text) => compact(text)),
  )
})

t.test('a task that is given a number gives it back as it was written', { skip }, async (t) => {
  /** The process of a task, as the agent starts it; with an order in which numbers stand as text. */
  const outcomeOf = async (ms: string): Promise<string> => {
    const offer = `{"attempt":"a","task":"t","kind":"sleep","input":{"ms":${ms}},"runLimitMs":1000}`
    const order = `{"master":"http://127.0.0.1:9","identity":null,"url":"http://127.0.0.1:9","cache":["cache",1000],"offer":${offer}}`
    const child = join(FOLDER, 'askfirst_slave/executor/child.py')
    const task = spawn(python as string, ['-B', child], { cwd: t.testdir() })
    // Its standard input stays open: the task ends with it.
    task.stdin.write(`${order}\n`)
    const [line] = await once(createInterface({ input: task.stdout }), 'line')
    task.stdin.end()
    return line as string
  }
  for (const ms of ['1.10', '-0.0', '-0', '0.10e1', '3', '1E1']) {
    t.match(await outcomeOf(ms), `"result": {"sleptMs": ${ms}}`, ms)
  }
  for (const ms of ['1e400', '-1e400', '1e-400', '9'.repeat(5000), 'NaN']) {
    const outcome = JSON.parse(await outcomeOf(ms))
    t.match(outcome, { status: 'failed', type: 'rejected-input' }, ms.slice(0, 9))
    t.match(outcome.message, /a number of the input exceeds the range of a float: write it as text/)
  }
})
