// The master's settings: one table for flags, environment, file, --help and README.

import { Type } from 'typebox'
import { BODY_LIMITS } from '../shared/http/body-budget.ts'
import { NAME_PATTERN } from '../shared/protocol/patterns.ts'

const NAMED_URL = `${NAME_PATTERN.slice(0, -1)}=https?://.+$`
const NAMED_URL_WANTED = 'NAME=URL, such as slave-1=http://10.0.0.5:9001'

const MS_MAX = 31_536_000_000

export const POLICY_NAMES = [
  'in-order',
  'round-robin',
  'random',
  'two-choices',
  'least-loaded',
  'fastest-first',
] as const

export const MasterSettings = Type.Object({
  host: Type.String({ default: '127.0.0.1', description: 'address to listen on' }),
  port: Type.Integer({
    default: 8080,
    minimum: 0,
    maximum: 65_535,
    description: 'port to listen on; 0 takes a free port',
  }),
  data: Type.String({
    default: 'askfirst-data/master',
    description: 'folder of the store; created when missing, with 16 MiB in reserve',
  }),
  store: Type.Union([Type.Literal('sqlite'), Type.Literal('memory')], {
    default: 'sqlite',
    description: 'where tasks are stored; memory loses them when the master stops',
  }),
  slaves: Type.Array(Type.String({ pattern: NAMED_URL, wanted: NAMED_URL_WANTED }), {
    default: [],
    defaultText: 'none',
    description:
      'slaves that are known before they register, as NAME=URL, in the order of asking; each must report to this master (its --master)',
  }),
  policy: Type.Union(
    POLICY_NAMES.map((name) => Type.Literal(name)),
    { default: 'in-order', description: 'the order of asking' },
  ),
  ask: Type.Union([Type.Literal('known'), Type.Literal('always')], {
    default: 'known',
    description:
      'known: reuse the answer of a slave that is known to be busy; always: ask every time',
  }),
  heartbeatMs: Type.Integer({
    default: 5_000,
    minimum: 20,
    maximum: 600_000,
    description:
      'interval of the heartbeats of a slave, in milliseconds; a slave that is silent for 2 intervals is suspect, and after 4 its attempts are lost',
  }),
  askTimeoutMs: Type.Integer({
    default: 2_000,
    minimum: 10,
    maximum: 600_000,
    description:
      'time limit for the answer to an offer, in milliseconds; after it the outcome of the offer is unknown',
  }),
  runLimitMs: Type.Integer({
    default: 60_000,
    minimum: 1,
    maximum: 86_400_000,
    atMost: 'runLimitMsMax',
    description: 'run limit of a task that does not set one, in milliseconds',
  }),
  runLimitMsMax: Type.Integer({
    default: 3_600_000,
    minimum: 1,
    maximum: 86_400_000,
    description: 'maximum run limit that a task may set, in milliseconds',
  }),
  waitLimitMs: Type.Integer({
    default: 86_400_000,
    minimum: 1,
    maximum: MS_MAX,
    description: 'a queued task that no slave accepted within this time expires, in milliseconds',
  }),
  waitingTasksMax: Type.Integer({
    default: 100_000,
    minimum: 0,
    maximum: 10_000_000,
    description: 'maximum number of queued tasks; further ones are refused with queue-full',
  }),
  attemptsMax: Type.Integer({
    default: 3,
    minimum: 1,
    maximum: 100,
    description:
      'maximum number of tries of a task whose slave or executor is lost, or which exceeds a limit',
  }),
  retryBackoffMs: Type.Integer({
    default: 1_000,
    minimum: 0,
    maximum: 3_600_000,
    description: 'pause before the second try, in milliseconds; doubled before each further try',
  }),
  keepMs: Type.Integer({
    default: 604_800_000,
    minimum: 0,
    maximum: MS_MAX,
    description: 'retention of ended tasks, in milliseconds',
  }),
  keepTasksMax: Type.Integer({
    default: 1_000_000,
    minimum: 1,
    maximum: 1_000_000_000,
    description: 'maximum number of stored tasks; the oldest ended ones are removed first',
  }),
  inputBytesMax: Type.Integer({
    default: 1_048_576,
    minimum: 256,
    maximum: 67_108_864,
    description: 'maximum body of POST /tasks, in bytes; batches and jobs may be 16 times as large',
  }),
  blobBytesMax: Type.Integer({
    default: 1_073_741_824,
    minimum: 1024,
    maximum: 1_099_511_627_776,
    description: 'maximum size of a blob, in bytes',
  }),
  blobsBytesMax: Type.Integer({
    default: 107_374_182_400,
    minimum: 1024,
    maximum: 1_125_899_906_842_624,
    description: 'maximum total size of all blobs, in bytes; further uploads are refused',
  }),
  blobsPerClientBytesMax: Type.Integer({
    default: 10_737_418_240,
    minimum: 1024,
    maximum: 1_125_899_906_842_624,
    description:
      'maximum total size of the blobs of one client, in bytes; applies when clients have keys',
  }),
  diskReserveBytes: Type.Integer({
    default: 268_435_456,
    minimum: 0,
    maximum: 1_099_511_627_776,
    description:
      'disk space that uploaded blobs leave free for outcomes, in bytes, at most a tenth of the disk; new tasks leave half of it free',
  }),
  blobKeepMs: Type.Integer({
    default: 86_400_000,
    minimum: 1_000,
    maximum: MS_MAX,
    description: 'retention of a blob that no job uses, after its last use, in milliseconds',
  }),
  jobRunLimitMs: Type.Integer({
    default: 600_000,
    minimum: 1,
    maximum: 86_400_000,
    atMost: 'runLimitMsMax',
    description: 'run limit of a part of a job that does not set one, in milliseconds',
  }),
  jobBytesMax: Type.Integer({
    default: 33_554_432,
    minimum: 65_536,
    maximum: 1_073_741_824,
    description: 'maximum total size of the results of all parts of a job, in bytes',
  }),
  jobsBytesMax: Type.Integer({
    default: 67_108_864,
    minimum: 65_536,
    maximum: 8_589_934_592,
    description:
      'maximum memory of all live jobs, in bytes; further jobs start when others have ended',
  }),
  liveJobsMax: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'maximum number of live jobs; further ones are refused with queue-full',
  }),
  batchTasksMax: Type.Integer({
    default: 1_000,
    minimum: 1,
    maximum: 100_000,
    description: 'maximum number of tasks in one POST /tasks/batch',
  }),
  waitMsMax: Type.Integer({
    default: 300_000,
    minimum: 0,
    maximum: 3_600_000,
    description: 'maximum time for which Prefer: wait holds a request, in milliseconds',
  }),
  ownNames: Type.Array(
    Type.String({
      pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
      wanted: 'a host name in lower case, such as master.example.com',
    }),
    {
      default: [],
      defaultText: 'its addresses, and names without dots',
      description: 'further host names that requests may use while the master has no identities',
    },
  ),
  slaveAddresses: Type.Array(
    Type.String({
      pattern: '^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$',
      wanted: 'a network, such as 10.0.0.0/24',
    }),
    {
      default: [],
      defaultText: 'any but loopback, link-local, metadata and multicast',
      description: 'networks in which the addresses of slaves must be',
    },
  ),
  slaveCertificateMs: Type.Integer({
    default: 604_800_000,
    minimum: 3_000,
    maximum: MS_MAX,
    description: "validity of a slave's certificate, in milliseconds; renewed after a third of it",
  }),
  requestsPerSecondMax: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'maximum requests per second of one key or slave; a burst may be twice that',
  }),
  requestsUnderWayMax: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'maximum concurrent requests of one key or slave',
  }),
  refusalsPerMinuteMax: Type.Integer({
    default: 60,
    minimum: 1,
    maximum: 1_000_000,
    description: 'maximum failed authentication attempts per minute of one address',
  }),
  arrivalMs: Type.Integer({
    default: 30_000,
    minimum: 100,
    maximum: 3_600_000,
    description:
      'time limit for the arrival of a request, in milliseconds; its header must arrive in half of it; for a blob the limit applies to each mebibyte',
  }),
  socketsMax: Type.Integer({
    default: 65_536,
    minimum: 16,
    maximum: 1_000_000,
    description:
      'maximum number of connections; a further one closes a connection without a request, or an idle one',
  }),
  bodiesBytesMax: Type.Integer({
    default: BODY_LIMITS.bytesMax,
    minimum: 65_536,
    maximum: 1_099_511_627_776,
    description:
      'maximum total size of the request bodies that are arriving, in bytes; clients and slaves each have this limit',
  }),
  bodiesPerCallerBytesMax: Type.Integer({
    default: BODY_LIMITS.perCallerBytesMax,
    minimum: 65_536,
    maximum: 1_099_511_627_776,
    atMost: 'bodiesBytesMax',
    description:
      'the share of one key or slave in that (of one address when there are no keys), in bytes',
  }),
  otlpEndpoint: Type.Optional(
    Type.String({
      pattern: '^https?://',
      wanted: 'an http or https URL, such as http://127.0.0.1:4318',
      description:
        'URL of an OpenTelemetry collector (OTLP over HTTP) to which tasks are exported as spans',
    }),
  ),
  otlpHeaders: Type.Optional(
    Type.String({
      secret: true,
      pattern: '^[^=,]+=[^,]*(,[^=,]+=[^,]*){0,99}$',
      wanted: 'up to 100 NAME=VALUE, separated by commas',
      description: 'headers for requests to the collector, such as an API key',
    }),
  ),
  otlpRatio: Type.Number({
    default: 1,
    minimum: 0,
    maximum: 1,
    description: 'fraction of tasks that are traced when the client sends no traceparent',
  }),
  eventStreamsMax: Type.Integer({
    default: 100,
    minimum: 0,
    maximum: 10_000,
    description: 'maximum number of open event streams, including those of dashboards',
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
