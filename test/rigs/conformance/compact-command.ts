// The programs of the compact slave: it runs `sh`, with nothing around it that would keep it from doing harm.

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { CommandInput } from '../../../shared/kinds/command.ts'
import type { Callback, Commands, Offer } from '../../../shared/protocol/wire.ts'

/** A failure has a result and files, too. */
type Ended = { status: string; result: object; files: object[]; type?: string; message?: string }

export const PROGRAMS: Commands = { programs: ['sh'], containment: 'process-group' }

/** Why it does not run the program of an offer; empty: it does. */
export function whyNot({ kind, input }: Offer): string {
  if (kind !== 'command') return ''
  const { program } = input as CommandInput
  return program === 'sh' ? '' : `does not run "${program}"`
}

/** Runs a program. `wrong`: whether a rule is to be broken; `upload` gives what the outcome says of a file. */
export async function runProgram(
  { input, outputs = [], secretEnv = {} }: Offer,
  wrong: (rule: string) => boolean,
  upload: (body: Buffer) => Promise<{ sha256: string; bytes: number }>,
): Promise<Callback['outcome']> {
  const { program, args = [], stdin = '', env = {} } = input as CommandInput
  const folder = mkdtempSync(join(tmpdir(), 'compact-'))
  const variables = { PATH: process.env.PATH, ...env, ...(wrong('commands-run') ? {} : secretEnv) }
  const child = spawn(program, args, { cwd: folder, env: variables })
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  const ended = new Promise<[number | null, string | null]>((resolve) =>
    child.once('close', (...how) => resolve(how)),
  )
  const [stdout, stderr, [exitCode, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended,
  ])
  writeFileSync(join(folder, 'stdout'), stdout)
  writeFileSync(join(folder, 'stderr'), stderr)
  const files = []
  for (const name of outputs) {
    const path = name.replace('*', 'a')
    if (name === 'stderr' && wrong('commands-outputs')) continue
    files.push({ name: path, ...(await upload(readFileSync(join(folder, path)))) })
  }
  rmSync(folder, { recursive: true })
  const printed = { stdout, stderr, stdoutBytes: stdout.length, stderrBytes: stderr.length }
  const result = { exitCode, signal, ...printed, ranMs: 1, cpuMs: null, rssBytesMax: null }
  const done: Ended = { status: 'done', result, files }
  if (exitCode === 0) return done as Callback['outcome']
  const type = wrong('commands-exit') ? 'evaluation' : 'exit-code'
  const failed = { ...done, status: 'failed', type, message: 'it ended badly', exitCode, signal }
  return failed as Callback['outcome']
}
