// The slave's settings: one table for flags, environment, file, --help and README.

import { availableParallelism } from 'node:os'
import { Type } from 'typebox'
import { NAME_PATTERN, NAME_WANTED } from '../shared/protocol/patterns.ts'

const cores = Math.min(256, availableParallelism())
const ORIGIN = {
  pattern: '^https?://',
  wanted: 'an http or https URL, such as http://10.0.0.1:8080',
}

export const SlaveSettings = Type.Object({
  master: Type.String({
    default: 'http://127.0.0.1:8080',
    ...ORIGIN,
    description: 'URL of the master to register with',
  }),
  name: Type.String({
    default: 'slave-1',
    pattern: NAME_PATTERN,
    wanted: NAME_WANTED,
    description: 'name of this slave, unique at its master',
  }),
  host: Type.String({ default: '127.0.0.1', description: 'address to listen on' }),
  port: Type.Integer({
    default: 9001,
    minimum: 0,
    maximum: 65_535,
    description: 'port to listen on; 0 takes any that is free',
  }),
  advertise: Type.Optional(
    Type.String({
      ...ORIGIN,
      description: 'URL at which the master reaches this slave, when it is not host and port',
    }),
  ),
  join: Type.Optional(
    Type.String({
      secret: true,
      maxLength: 2048,
      description: 'join line of the master, as askfirst token create prints it',
    }),
  ),
  joinFile: Type.Optional(
    Type.String({ description: 'file that holds the join line, read when the slave starts' }),
  ),
  pull: Type.Boolean({
    default: false,
    description: 'fetch tasks from the master, which need not reach this slave',
  }),
  slots: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_536,
      description: 'how many tasks it takes at a time; as many as executors when not given',
    }),
  ),
  executors: Type.Integer({
    default: cores,
    defaultText: 'number of cores',
    minimum: 1,
    maximum: 256,
    description:
      'how many child processes compute; one more is kept ready to step in; as many again once a kind that works on files is run',
  }),
  kinds: Type.Array(Type.String({ pattern: NAME_PATTERN, wanted: NAME_WANTED }), {
    default: [],
    defaultText: 'all there are; with --pull those that leave no files for peers',
    description: 'the kinds it offers',
  }),
  tags: Type.Array(Type.String({ maxLength: 64 }), {
    default: [],
    defaultText: 'none',
    description: 'words that describe this slave, for people, of up to 64 characters each',
  }),
  data: Type.Optional(
    Type.String({
      description:
        'folder that keeps finished results while the master is away; none when not given',
    }),
  ),
  files: Type.Optional(
    Type.String({
      description: 'folder of files that jobs may name; it must be the same on every slave',
    }),
  ),
  executorHeapMb: Type.Integer({
    default: 256,
    minimum: 16,
    maximum: 65_536,
    description: 'memory that the JavaScript heap of one executor may use, in MiB',
  }),
  resultBytesMax: Type.Integer({
    default: 1_048_576,
    minimum: 1024,
    maximum: 67_108_864,
    description: 'a larger result fails its task, in bytes of JSON',
  }),
  outboxMax: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 10_000_000,
    description: 'no new tasks while this many results wait for the master',
  }),
  requestTimeoutMs: Type.Integer({
    default: 5_000,
    minimum: 10,
    maximum: 600_000,
    description:
      'a request to the master without an answer is repeated after this, in milliseconds',
  }),
  drainMs: Type.Integer({
    default: 30_000,
    minimum: 0,
    maximum: 86_400_000,
    description: 'how long a slave that is told to stop waits for its tasks, in milliseconds',
  }),
  bodyBytesMax: Type.Integer({
    default: 16_777_216,
    minimum: 1024,
    maximum: 1_073_741_824,
    description: 'a larger request body is refused, in bytes',
  }),
  insecureNoAuth: Type.Boolean({
    default: false,
    description: 'listen on an address that is not loopback although nothing checks who asks',
  }),
  logFormat: Type.Union(
    (['auto', 'json', 'pretty'] as const).map((f) => Type.Literal(f)),
    { default: 'auto', description: 'how log lines look; auto: pretty on a terminal, else json' },
  ),
  logLevel: Type.Union(
    (['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const).map((l) => Type.Literal(l)),
    { default: 'info', description: 'the least important log lines that are written' },
  ),
})
