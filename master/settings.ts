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
    description: 'port to listen on; 0 takes any that is free',
  }),
  data: Type.String({
    default: 'askfirst-data/master',
    description: 'folder of the store; made when it is not there, with 16 MiB kept in reserve',
  }),
  store: Type.Union([Type.Literal('sqlite'), Type.Literal('memory')], {
    default: 'sqlite',
    description: 'what keeps the tasks; memory forgets them when the master stops',
  }),
  slaves: Type.Array(Type.String({ pattern: NAMED_URL, wanted: NAMED_URL_WANTED }), {
    default: [],
    defaultText: 'none',
    description:
      'slaves to ask before they register, as NAME=URL, in order; each must report here (its --master)',
  }),
  policy: Type.Union(
    POLICY_NAMES.map((name) => Type.Literal(name)),
    { default: 'in-order', description: 'the order of asking' },
  ),
  ask: Type.Union([Type.Literal('known'), Type.Literal('always')], {
    default: 'known',
    description: 'known: do not ask a slave whose answer is known; always: ask every time',
  }),
  heartbeatMs: Type.Integer({
    default: 5_000,
    minimum: 20,
    maximum: 600_000,
    description:
      'how often a slave says what it has, in milliseconds; silent for twice that it is suspect, for four times that its tasks are lost',
  }),
  askTimeoutMs: Type.Integer({
    default: 2_000,
    minimum: 10,
    maximum: 600_000,
    description: 'an offer without an answer is unknown after this, in milliseconds',
  }),
  runLimitMs: Type.Integer({
    default: 60_000,
    minimum: 1,
    maximum: 86_400_000,
    atMost: 'runLimitMsMax',
    description: 'how long a task may run when it does not say, in milliseconds',
  }),
  runLimitMsMax: Type.Integer({
    default: 3_600_000,
    minimum: 1,
    maximum: 86_400_000,
    description: 'the longest run limit that a task may ask for, in milliseconds',
  }),
  waitLimitMs: Type.Integer({
    default: 86_400_000,
    minimum: 1,
    maximum: MS_MAX,
    description: 'a queued task that no slave took within this expires, in milliseconds',
  }),
  waitingTasksMax: Type.Integer({
    default: 100_000,
    minimum: 0,
    maximum: 10_000_000,
    description: 'how many tasks may wait for a slave; then queue-full',
  }),
  attemptsMax: Type.Integer({
    default: 3,
    minimum: 1,
    maximum: 100,
    description: 'how often a task is tried when its slave or executor is lost, or a limit is hit',
  }),
  retryBackoffMs: Type.Integer({
    default: 1_000,
    minimum: 0,
    maximum: 3_600_000,
    description: 'rest before the second try, doubled before each further one, in milliseconds',
  }),
  keepMs: Type.Integer({
    default: 604_800_000,
    minimum: 0,
    maximum: MS_MAX,
    description: 'ended tasks are kept this long, in milliseconds',
  }),
  keepTasksMax: Type.Integer({
    default: 1_000_000,
    minimum: 1,
    maximum: 1_000_000_000,
    description: 'how many tasks are kept; the oldest ended ones go first',
  }),
  inputBytesMax: Type.Integer({
    default: 1_048_576,
    minimum: 256,
    maximum: 67_108_864,
    description:
      'a larger body of POST /tasks is refused, in bytes; batches and jobs may be 16 times as large',
  }),
  blobBytesMax: Type.Integer({
    default: 1_073_741_824,
    minimum: 1024,
    maximum: 1_099_511_627_776,
    description: 'a larger blob is refused, in bytes',
  }),
  blobsBytesMax: Type.Integer({
    default: 107_374_182_400,
    minimum: 1024,
    maximum: 1_125_899_906_842_624,
    description: 'all blobs together; beyond it clients cannot bring more, in bytes',
  }),
  blobsPerClientBytesMax: Type.Integer({
    default: 10_737_418_240,
    minimum: 1024,
    maximum: 1_125_899_906_842_624,
    description: 'the blobs that one client brought, where clients have keys, in bytes',
  }),
  diskReserveBytes: Type.Integer({
    default: 268_435_456,
    minimum: 0,
    maximum: 1_099_511_627_776,
    description:
      'room on the disk that blobs of clients leave free, and new tasks half of it: kept for outcomes, in bytes, at most a tenth of the disk',
  }),
  blobKeepMs: Type.Integer({
    default: 86_400_000,
    minimum: 1_000,
    maximum: MS_MAX,
    description: 'a blob that no job names is kept this long after its last use, in milliseconds',
  }),
  jobRunLimitMs: Type.Integer({
    default: 600_000,
    minimum: 1,
    maximum: 86_400_000,
    atMost: 'runLimitMsMax',
    description: 'how long one part of a job may run when the job does not say, in milliseconds',
  }),
  jobBytesMax: Type.Integer({
    default: 33_554_432,
    minimum: 65_536,
    maximum: 1_073_741_824,
    description: 'what the results of all parts of one job may have together, in bytes',
  }),
  jobsBytesMax: Type.Integer({
    default: 67_108_864,
    minimum: 65_536,
    maximum: 8_589_934_592,
    description:
      'how much memory all live jobs may take together, in bytes; further jobs begin when others have ended',
  }),
  liveJobsMax: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'how many jobs may be accepted that have not ended; then queue-full',
  }),
  batchTasksMax: Type.Integer({
    default: 1_000,
    minimum: 1,
    maximum: 100_000,
    description: 'how many tasks one POST /tasks/batch may carry',
  }),
  waitMsMax: Type.Integer({
    default: 300_000,
    minimum: 0,
    maximum: 3_600_000,
    description: 'the longest that Prefer: wait holds a request, in milliseconds',
  }),
  ownNames: Type.Array(
    Type.String({
      pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
      wanted: 'a host name in small letters, such as master.example.com',
    }),
    {
      default: [],
      defaultText: 'addresses, and names that nobody else can have',
      description: 'names by which it may be asked, besides, while it has no identities',
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
      description: 'the only networks in which slaves that register may be',
    },
  ),
  slaveCertificateMs: Type.Integer({
    default: 604_800_000,
    minimum: 3_000,
    maximum: MS_MAX,
    description: "how long a slave's certificate is good, in milliseconds; renewed after a third",
  }),
  requestsPerSecondMax: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'requests that one key or slave may make in a second; twice that in a burst',
  }),
  requestsUnderWayMax: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'requests that one key or slave may have under way at a time',
  }),
  refusalsPerMinuteMax: Type.Integer({
    default: 60,
    minimum: 1,
    maximum: 1_000_000,
    description: 'how often one address may show what lets nobody in, in a minute',
  }),
  arrivalMs: Type.Integer({
    default: 30_000,
    minimum: 100,
    maximum: 3_600_000,
    description:
      'a request must have arrived whole within this, in milliseconds, its head in half, and of a blob a mebibyte',
  }),
  socketsMax: Type.Integer({
    default: 65_536,
    minimum: 16,
    maximum: 1_000_000,
    description:
      'connections at a time; a new one beyond these closes one that has asked nothing, or is idle',
  }),
  bodiesBytesMax: Type.Integer({
    default: BODY_LIMITS.bytesMax,
    minimum: 65_536,
    maximum: 1_099_511_627_776,
    description:
      'request bodies that may arrive at the same time, in bytes: those of clients, and as much again for slaves',
  }),
  bodiesPerCallerBytesMax: Type.Integer({
    default: BODY_LIMITS.perCallerBytesMax,
    minimum: 65_536,
    maximum: 1_099_511_627_776,
    atMost: 'bodiesBytesMax',
    description:
      'of these, those of one key or slave (of one address where nobody is asked for a key), in bytes',
  }),
  otlpEndpoint: Type.Optional(
    Type.String({
      pattern: '^https?://',
      wanted: 'an http or https URL, such as http://127.0.0.1:4318',
      description: 'an OpenTelemetry collector that takes OTLP over HTTP: every task as spans',
    }),
  ),
  otlpHeaders: Type.Optional(
    Type.String({
      secret: true,
      pattern: '^[^=,]+=[^,]*(,[^=,]+=[^,]*){0,99}$',
      wanted: 'NAME=VALUE, up to 100 of them with commas between them',
      description: 'headers for the collector, such as its key',
    }),
  ),
  otlpRatio: Type.Number({
    default: 1,
    minimum: 0,
    maximum: 1,
    description: 'the share of tasks that are traced, of those whose clients sent no traceparent',
  }),
  eventStreamsMax: Type.Integer({
    default: 100,
    minimum: 0,
    maximum: 10_000,
    description: 'how many streams of events may be open at a time, those of pages among them',
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
