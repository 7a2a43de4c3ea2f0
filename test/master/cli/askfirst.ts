// The command `askfirst` as a process, as a person or a script starts it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Teardown } from '../../folder.ts'
import { BEFORE, COMMAND } from '../../rigs/cluster/launch.ts'

const SHIM = new URL('../../../master/cli/askfirst.mjs', import.meta.url).pathname

export type Ran = { code: number | null; stdout: string; stderr: string }

/** Starts it; `input` is its standard input. `node` is the Node that finds it. */
export function begin(
  t: Teardown,
  url: string,
  args: string[],
  /** `input: null` leaves its standard input open. */
  { input = '', node }: { input?: string | null; node?: string } = {},
) {
  const [program, before] = node ? [node, []] : [COMMAND, BEFORE]
  const env = { PATH: process.env.PATH ?? '', ASKFIRST_URL: url }
  const child = spawn(program, [...before, SHIM, ...args], { stdio: 'pipe', env })
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said.stderr += text))
  child.stdin.on('error', () => {})
  if (input !== null) child.stdin.end(input)
  t.teardown(() => child.kill('SIGKILL'))
  const ran = once(child, 'close').then(([code]): Ran => ({ code: code as number | null, ...said }))
  return { child, said, ran }
}

/** Runs it to its end. */
export const askfirst = (
  t: Teardown,
  url: string,
  args: string[],
  given: { input?: string; node?: string } = {},
): Promise<Ran> => begin(t, url, args, given).ran
