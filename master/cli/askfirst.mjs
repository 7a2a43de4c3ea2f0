#!/usr/bin/env node
// The command `askfirst`, for whatever Node finds it: it runs the real program with the Node that
// askfirst comes with (the package `node`), and stands aside when it is that one already. Plain
// JavaScript without anything new, because an older Node must understand it.

import { spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** What the dynamic loader of Linux exits with when a shared library is missing. */
const CANNOT_LOAD = 127

const root = join(dirname(realpathSync(fileURLToPath(import.meta.url))), '..', '..')
const programs = { master: 'master/main.ts', slave: 'slave/main.ts' }
const wanted = process.argv[2]
const isProgram = Object.prototype.hasOwnProperty.call(programs, wanted || '')
const file = join(root, isProgram ? programs[wanted] : 'master/cli/main.ts')
const args = process.argv.slice(isProgram ? 3 : 2)

const pinned = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies.node
const name = process.platform === 'win32' ? 'node.exe' : 'node'
const node = join(root, 'node_modules', 'node', 'bin', name)

if (process.versions.node === pinned) {
  process.argv.splice(1, process.argv.length - 1, file, ...args)
  await import(pathToFileURL(file).href)
} else if (existsSync(node)) {
  const child = spawn(node, [file, ...args], { stdio: 'inherit' })
  // Ctrl-C in a terminal reaches the child by itself; a second one would mean "at once".
  const inTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !inTerminal) child.kill(signal)
    })
  }
  child.on('error', (error) => fail(error.message))
  child.on('exit', (code, signal) => {
    if (code === CANNOT_LOAD) fail('Node needs a library that is missing: apt-get install libatomic1')
    if (!signal) process.exit(code === null ? 70 : code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
} else {
  fail(`Node ${pinned}, which runs askfirst, is not there: run "npm ci" in ${root}`)
}

function fail(message) {
  process.stderr.write(`askfirst: ${message}\n`)
  process.exit(70)
}
