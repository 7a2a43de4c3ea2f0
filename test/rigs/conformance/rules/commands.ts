// Programs: of slaves that offer the kind `command`, and run `sh`.

import { isDeepStrictEqual } from 'node:util'
import type { Offer, Outcome } from '../../../../shared/protocol/wire.ts'
import { expect } from '../broken.ts'
import type { Group } from '../rule.ts'
import type { Session } from '../session.ts'

const KIND = 'command'
/** No program has this name. */
const NO_PROGRAM = 'askfirst-no-such-program'

/** `sh` runs the script; `args` are its `$1`, `$2` ... */
const script = (text: string, args: string[] = [], more: object = {}) => ({
  kind: KIND,
  input: { program: 'sh', args: ['-c', text, 'sh', ...args], ...more },
})

/** Offers a program, which must be taken; gives its outcome. */
async function outcomeOf(here: Session, more: Partial<Offer>): Promise<Outcome> {
  return (await here.callbackOf(await here.take(0, more))).outcome
}

/** Expects fields of what the program gave, also of one that failed. */
function expectResult(outcome: Outcome, wanted: Record<string, unknown>): void {
  const result = (outcome.result ?? {}) as Record<string, unknown>
  for (const [name, value] of Object.entries(wanted)) {
    const holds = isDeepStrictEqual(result[name], value)
    expect(holds, `${JSON.stringify(value)} in result.${name}`, outcome)
  }
}

/** The text of a file that the outcome lists, which must have been uploaded. */
function textOf({ master }: Session, outcome: Outcome, name: string): string {
  const file = outcome.files?.find((each) => each.name === name)
  expect(file, `a file ${name} in the outcome`, outcome)
  const kept = master.blobs.get(file.sha256 ?? '')
  expect(kept, 'the file to have been PUT to /blobs before', file)
  return kept.bytes.toString()
}

export const commands: Group = {
  name: 'commands',
  heartbeatMs: null,
  needs: KIND,
  program: 'sh',
  rules: [
    {
      name: 'commands-card',
      says: 'with the kind `command`: names the feature `commands`, and its programs, on its card',
      async run({ registration }) {
        const { features = [], commands } = registration
        expect(features.includes('commands'), 'the feature `commands`', registration)
        expect(commands, '`commands`, with programs and containment', registration)
      },
    },
    {
      name: 'commands-run',
      says: 'runs a program with its arguments as they are, its standard input and its variables',
      feature: 'commands',
      async run(here) {
        const env = { A: 'a', B: 'b' }
        const args = ['two words', '$(echo no) * "']
        const text = 'cat; printf "%s|%s|%s%s%s" "$1" "$2" "$A" "$B" "$C" >&2'
        const input = script(text, args, { stdin: 'given\n', env })
        const outcome = await outcomeOf(here, { ...input, secretEnv: { B: 'secret', C: 'c' } })
        expect(outcome.status === 'done', 'the result', outcome)
        const stderr = `${args.join('|')}|asecretc`
        const printed = { stdout: 'given\n', stdoutBytes: 6, stderr, stderrBytes: stderr.length }
        expectResult(outcome, { exitCode: 0, signal: null, ...printed })
      },
    },
    {
      name: 'commands-exit',
      says: 'fails a program that ends badly: `exit-code`, with code or signal, and its output',
      feature: 'commands',
      async run(here) {
        for (const [text, exitCode, signal] of [
          ['echo out; echo why >&2; exit 3', 3, null],
          ['echo out; echo why >&2; kill -9 $$', null, 'SIGKILL'],
        ] as const) {
          const outcome = await outcomeOf(here, script(text))
          const isIt = outcome.status === 'failed' && outcome.type === 'exit-code'
          expect(isIt, 'the failure `exit-code`', outcome)
          const isSaid = outcome.exitCode === exitCode && outcome.signal === signal
          expect(isSaid, `exitCode ${exitCode} and signal ${signal}`, outcome)
          expectResult(outcome, { exitCode, signal, stdout: 'out\n', stderr: 'why\n' })
        }
      },
    },
    {
      name: 'commands-unable',
      says: 'answers `unable`, with a reason that names it, to a program that it does not run',
      feature: 'commands',
      only: 'asked',
      async run(here) {
        const input = { program: NO_PROGRAM }
        const [answer] = await here.offer([here.work(0, { kind: KIND, input })])
        expect(answer?.answer === 'unable', 'the answer `unable`', answer)
        expect(answer.reason.includes(NO_PROGRAM), 'a reason that names the program', answer)
      },
    },
    {
      name: 'commands-outputs',
      says: 'with `stdout` and `stderr` in `outputs`: uploads all that it printed, also of a failure',
      feature: 'commands',
      async run(here) {
        const outputs = ['stdout', 'stderr', '*.txt']
        for (const [status, code] of [
          ['done', 0],
          ['failed', 5],
        ] as const) {
          const text = `printf left > a.txt; printf out; printf err >&2; exit ${code}`
          const outcome = await outcomeOf(here, { ...script(text), outputs })
          expect(outcome.status === status, status, outcome)
          for (const [name, wanted] of [
            ['a.txt', 'left'],
            ['stdout', 'out'],
            ['stderr', 'err'],
          ] as const) {
            const found = textOf(here, outcome, name)
            expect(found === wanted, `"${wanted}" in the file ${name}`, found)
          }
        }
      },
    },
  ],
}
