// How examples are read from pages and compared with what commands print.

import { test } from 'tap'
import { examplesIn, prints } from './examples.ts'

const example = (output: string, varies = false) => ({ command: '', output, varies, line: 1 })

test('reads commands of several lines, and the output of each', async (t) => {
  const page =
    "# A\n\n```console\n$ a \\\n  b\none\ntwo\n$ c '{\n  d}'\n```\n\n```console varies\n$ e\n```\n"
  t.same(examplesIn(page), [
    { command: 'a \\\n  b', output: 'one\ntwo\n', varies: false, line: 4 },
    { command: "c '{\n  d}'", output: '', varies: false, line: 8 },
    { command: 'e', output: '', varies: true, line: 13 },
  ])
})

test('refuses a block that begins with output', async (t) => {
  t.throws(() => examplesIn('```console\nout\n```\n'), /output before a command/)
})

test('compares output exactly, except for white space', async (t) => {
  t.ok(prints(example('{"a":1,\n "b": 2}\n'), '{"a":1,"b":2}\r\n'))
  t.notOk(prints(example('{"a":1}'), '{"a":2}'))
  t.notOk(prints(example('{"a":1}'), '{"a":1} and more'))
})

test('takes any text for an ellipsis', async (t) => {
  t.ok(prints(example('first\n...\nlast'), 'first\nsecond\nlast'))
  t.notOk(prints(example('first\n...\nlast'), 'first\nsecond'))
})

test('takes any id, time and duration of its form, and nothing else', async (t) => {
  const shown = example(
    '{"id":"01a1...","task":"01a1fd05-cb61-70a4-b924-2d53cdfc153e","ms":1.9} in 7 ms, 2026-11-21T07:32:58.229Z',
  )
  const id = '01a2fd05-0000-70a4-b924-2d53cdfc153f'
  t.ok(prints(shown, `{"id":"${id}","task":"${id}","ms":12} in 1.4 s, 2027-01-01T00:00:00.000Z`))
  t.ok(prints(example('in 14 ms\nok'), 'in 1.5 s\r\nok'))
  t.notOk(prints(shown, `{"id":"${id}","task":"x","ms":12} in 1.4 s, 2027-01-01T00:00:00.000Z`))
  t.notOk(
    prints(shown, `{"id":"${id}","task":"${id}","ms":null} in 1.4 s, 2027-01-01T00:00:00.000Z`),
  )
})

test('takes any number where the block says that numbers vary', async (t) => {
  t.ok(prints(example('part 1, slave-1: 17', true), 'part 1, slave-2: 18'))
  t.notOk(prints(example('part 1, slave-1: 17'), 'part 1, slave-2: 18'))
  t.notOk(prints(example('part 1, slave-1: 17', true), 'part 1, slave-x: 17'))
})
