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
    description: 'name of this slave, unique among the slaves of its master',
  }),
  host: Type.String({ default: '127.0.0.1', description: 'address to listen on' }),
  port: Type.Integer({
    default: 9001,
    minimum: 0,
    maximum: 65_535,
    description: 'port to listen on; 0 takes a free port',
  }),
  advertise: Type.Optional(
    Type.String({
      ...ORIGIN,
      description: 'URL at which the master reaches this slave, if other than host and port',
    }),
  ),
  join: Type.Optional(
    Type.String({
      secret: true,
      maxLength: 2048,
      description: 'join line that askfirst token create prints on the master',
    }),
  ),
  joinFile: Type.Optional(
    Type.String({ description: 'file that contains the join line; read when the slave starts' }),
  ),
  pull: Type.Boolean({
    default: false,
    description: 'poll the master for tasks; the master does not need to reach this slave',
  }),
  slots: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_536,
      description:
        'number of slots, the tasks that it runs concurrently; default: the number of executors',
    }),
  ),
  executors: Type.Integer({
    default: cores,
    defaultText: 'number of cores',
    minimum: 1,
    maximum: 256,
    description:
      'number of executors (child processes that compute), plus one in reserve; as many again start when a kind that works on files first runs',
  }),
  kinds: Type.Array(Type.String({ pattern: NAME_PATTERN, wanted: NAME_WANTED }), {
    default: [],
    defaultText: 'all kinds; with --pull all that keep no files for peers',
    description: 'kinds that it offers',
  }),
  tags: Type.Array(Type.String({ maxLength: 64 }), {
    default: [],
    defaultText: 'none',
    description: 'labels for people, up to 64 characters each',
  }),
  data: Type.Optional(
    Type.String({
      description:
        'folder in which finished results are stored until the master acknowledges them; in memory when not given',
    }),
  ),
  files: Type.Optional(
    Type.String({
      description:
        'folder of files that jobs may name; its content must be the same on every slave',
    }),
  ),
  cacheBytesMax: Type.Integer({
    default: 10_737_418_240,
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description:
      'maximum size of the cache of input files, in bytes; those that were not used for the longest time are removed first',
  }),
  commands: Type.Array(
    Type.String({
      minLength: 1,
      maxLength: 4096,
      wanted: 'a name, or a name with a path as in convert=/usr/bin/convert',
    }),
    {
      default: [],
      defaultText: 'none',
      description:
        'programs that clients may run here (slave/COMMANDS.md): names, or name=/absolute/path; any: all programs',
    },
  ),
  commandsUser: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description:
        'user that these programs run as; required with --commands when the slave is root',
    }),
  ),
  killGraceMs: Type.Integer({
    default: 5_000,
    minimum: 0,
    maximum: 3_600_000,
    description:
      'time between SIGTERM and SIGKILL for a program at its time limit or when its task is cancelled, in milliseconds',
  }),
  commandMemoryBytesMax: Type.Integer({
    default: 4_294_967_296,
    minimum: 16_777_216,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'maximum memory of a run of a program, in bytes',
  }),
  commandProcessesMax: Type.Integer({
    default: 512,
    minimum: 1,
    maximum: 1_000_000,
    description: 'maximum number of processes and threads of a run of a program',
  }),
  commandDiskBytesMax: Type.Integer({
    default: 10_737_418_240,
    minimum: 1_048_576,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'maximum disk space of the files of a run of a program, in bytes',
  }),
  executorHeapMb: Type.Integer({
    default: 256,
    minimum: 16,
    maximum: 65_536,
    description: 'maximum JavaScript heap of one executor, in MiB',
  }),
  resultBytesMax: Type.Integer({
    default: 1_048_576,
    minimum: 1024,
    maximum: 67_108_864,
    description: 'maximum result of a task, in bytes of JSON; a larger one fails the task',
  }),
  outboxMax: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 10_000_000,
    description:
      'maximum number of results that wait for acknowledgement; at the limit new tasks are refused',
  }),
  requestTimeoutMs: Type.Integer({
    default: 5_000,
    minimum: 10,
    maximum: 600_000,
    description:
      'time limit for the response of the master, in milliseconds; then the request is repeated',
  }),
  drainMs: Type.Integer({
    default: 30_000,
    minimum: 0,
    maximum: 86_400_000,
    description: 'maximum time that a stopping slave waits for its tasks, in milliseconds',
  }),
  bodyBytesMax: Type.Integer({
    default: 16_777_216,
    minimum: 1024,
    maximum: 1_073_741_824,
    description: 'maximum request body, in bytes',
  }),
  insecureNoAuth: Type.Boolean({
    default: false,
    description: 'allow an address that is not loopback without authentication',
  }),
  logFormat: Type.Union(
    (['auto', 'json', 'pretty'] as const).map((f) => Type.Literal(f)),
    {
      default: 'auto',
      description: 'format of log lines; auto: pretty on a terminal, otherwise json',
    },
  ),
  logLevel: Type.Union(
    (['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const).map((l) => Type.Literal(l)),
    { default: 'info', description: 'lowest level of the log lines that are written' },
  ),
})
