// What is typed into the form for programs, as the master takes it; and tasks of programs in one line.

import t from 'tap'
import {
  commandTask,
  inputLine,
  printedLine,
  programsKnown,
} from '../../master/dashboard/views/command-task.js'

const taskOf = (typed: Record<string, string>, files = {}) =>
  commandTask((name) => typed[name] ?? '', files)

t.test('sends nothing of a field that is empty', async (t) => {
  t.same(taskOf({ program: ' gzip ' }), { kind: 'command', input: { program: 'gzip' } })
})

t.test('takes an argument, an output and a variable from each line, as they are', async (t) => {
  const typed = {
    program: 'sh',
    args: '-c\r\necho  $A \n\n--x=1',
    stdin: ' 1\n',
    env: 'A=b=c\nEMPTY=',
    secretEnv: ' KEY = v',
    outputs: '*.gz\nstdout',
    tags: 'a b\nc',
  }
  const files = { 'a.txt': { sha256: '0' } }
  t.same(taskOf(typed, files), {
    kind: 'command',
    input: {
      program: 'sh',
      args: ['-c', 'echo  $A ', '--x=1'],
      stdin: ' 1\n',
      env: { A: 'b=c', EMPTY: '' },
      secretEnv: { KEY: ' v' },
    },
    files,
    outputs: ['*.gz', 'stdout'],
    tags: ['a b', 'c'],
  })
})

t.test('leaves what is no number to the master, which says what is wrong', async (t) => {
  const numbers = { runLimitS: '1.5', attemptsMax: ' 3 ', retryOn: '75, 100 1', queue: 'on' }
  t.match(taskOf(numbers), { runLimitMs: 1500, attemptsMax: 3, retryOn: [75, 100, 1], queue: true })
  const words = { runLimitS: 'long', attemptsMax: 'x', retryOn: '75 y' }
  t.match(taskOf(words), { runLimitMs: 'long', attemptsMax: 'x', retryOn: [75, 'y'] })
})

t.test('names the programs of the slaves that are there, each once', async (t) => {
  const slave = (programs: string[] | 'any', state = 'busy') => ({ state, commands: { programs } })
  t.same(programsKnown([{ state: 'free', commands: null }, { state: 'free' }]), {
    any: false,
    names: [],
  })
  t.same(programsKnown([slave(['a', 'b']), slave(['b', 'c']), slave(['gone'], 'silent')]), {
    any: false,
    names: ['a', 'b', 'c'],
  })
  t.same(programsKnown([slave('any'), slave(['a'])]), { any: true, names: ['a'] })
})

t.test('writes a command as a shell would read it, and other inputs as they are', async (t) => {
  const input = { program: 'sh', args: ['-c', "echo 'x'", '', 'a.b/c'] }
  t.equal(inputLine({ kind: 'command', input }), String.raw`sh -c 'echo '\''x'\''' '' a.b/c`)
  t.equal(inputLine({ kind: 'expression', input: { expression: '1' } }), '1')
  t.same(inputLine({ kind: 'sleep', input: { ms: 1 } }), { ms: 1 })
  t.equal(inputLine({ kind: 'command' }), undefined, 'left out of a list')
})

t.test('says in short what a program printed', async (t) => {
  t.equal(printedLine({ stdout: 'a\n', stderr: 'b', exitCode: 0 }), 'a')
  t.equal(printedLine({ stdout: '\n', stderr: 'b\n', exitCode: 0 }), 'b')
  t.equal(printedLine({ stdout: '', stderr: '', exitCode: 0 }), 'exit code 0')
})
