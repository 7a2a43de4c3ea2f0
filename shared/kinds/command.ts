// Runs a program on a slave, without a shell. A slave offers it only when it was started with --commands;
// the agent starts the program (slave/commands/), no executor does.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { Variables } from '../protocol/wire.ts'
import type { Kind } from './kind.ts'

const Text = (maxLength: number, description: string) =>
  Type.String({
    maxLength,
    pattern: '^[^\\0]*$',
    wanted: 'text without NUL characters',
    description,
  })

export const CommandInput = Type.Object(
  {
    program: Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[^/\\0]+$',
      wanted: 'the name of a program, without "/"',
      description: 'name of the program, such as ffmpeg; the slave must allow it',
    }),
    args: Type.Optional(
      Type.Array(Text(131_072, 'one argument'), {
        maxItems: 10_000,
        description: 'its arguments, as they are: no shell reads them',
      }),
    ),
    stdin: Type.Optional(Type.String({ description: 'its standard input; default: empty' })),
    env: Type.Optional(Variables),
  },
  { additionalProperties: false },
)
export type CommandInput = Static<typeof CommandInput>

/** What a program that ran gives. Of its output the last 64 KiB; decoded as UTF-8 with replacement. */
const CommandResult = Type.Object({
  exitCode: Type.Union([Type.Integer(), Type.Null()]),
  /** The signal that ended it, in place of an exit code. */
  signal: Type.Union([Type.String(), Type.Null()]),
  stdout: Type.String(),
  stderr: Type.String(),
  /** How much it printed in all. */
  stdoutBytes: Type.Integer(),
  stderrBytes: Type.Integer(),
  ranMs: Type.Number(),
  /** Processor time of all its processes, in milliseconds; null where the slave cannot measure it. */
  cpuMs: Type.Union([Type.Number(), Type.Null()]),
  /** The largest resident memory of one of its processes, in bytes; null where not measured. */
  rssBytesMax: Type.Union([Type.Integer(), Type.Null()]),
})
export type CommandResult = Static<typeof CommandResult>

export const kind: Kind<CommandInput> = {
  name: 'command',
  summary: 'Runs a program with arguments and files, without a shell.',
  input: CommandInput,
  output: CommandResult,
  program: true,
  run() {
    throw new Error('the agent runs programs, not an executor')
  },
  examples: [],
}
