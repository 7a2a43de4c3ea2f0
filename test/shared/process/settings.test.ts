import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { test } from 'tap'
import { Type } from 'typebox'
import { MasterSettings } from '../../../master/settings.ts'
import { ALL_SETTINGS } from '../../../shared/process/all-settings.ts'
import {
  flagOf,
  help,
  readSettings,
  SettingError,
  settingsOf,
  settingsTable,
  variableOf,
} from '../../../shared/process/settings.ts'
import { SlaveSettings } from '../../../slave/settings.ts'

const table = Type.Object({
  port: Type.Integer({ default: 8080, minimum: 0, maximum: 65_535, description: 'port' }),
  askTimeoutMs: Type.Integer({ default: 2_000, minimum: 10, description: 'the answer comes by' }),
  share: Type.Number({ default: 0.5, minimum: 0, maximum: 1, description: 'a share' }),
  name: Type.String({ default: 'slave-1', pattern: '^[a-z0-9-]+$', description: 'its name' }),
  policy: Type.Union([Type.Literal('in-order'), Type.Literal('random')], {
    default: 'in-order',
    description: 'the order of asking',
  }),
  dry: Type.Boolean({ default: false, description: 'change nothing' }),
  slaves: Type.Array(Type.String({ pattern: '=' }), { default: [], description: 'the slaves' }),
  key: Type.Optional(Type.String({ secret: true, pattern: '^k-', description: 'the key' })),
  advertise: Type.Optional(Type.String({ description: 'the URL' })),
  master: Type.Optional(
    Type.String({ pattern: '^https?:', wanted: 'an http or https URL', description: 'where' }),
  ),
  limitMs: Type.Integer({
    default: 1000,
    minimum: 10,
    maximum: 9000,
    atMost: 'limitMsMax',
    description: 'a limit',
  }),
  limitMsMax: Type.Integer({ default: 4000, minimum: 1, description: 'the most' }),
})

const read = (argv: string[] = [], env: Record<string, string> = {}) => {
  const settings = readSettings(table, { argv, env })
  if (typeof settings === 'string') throw new Error(`${settings} was given`)
  return settings
}

/** What is said when these are refused. */
const refusal = (argv: string[], env: Record<string, string> = {}): string => {
  try {
    read(argv, env)
  } catch (error) {
    if (error instanceof SettingError) return error.message
    throw error
  }
  return 'not refused'
}

const fileOf = (t: Test, text: string): string => {
  const file = join(t.testdir(), 'settings.json')
  writeFileSync(file, text)
  return file
}

test('takes a flag before the environment, that before the file, that before the default', async (t) => {
  const config = fileOf(t, '{"port": 3, "askTimeoutMs": 30, "share": 0.3}')
  const env = { ASKFIRST_PORT: '2', ASKFIRST_ASK_TIMEOUT_MS: '20' }
  const settings = read(['--port', '1', '--config', config], env)
  t.match(settings, { port: 1, askTimeoutMs: 20, share: 0.3, name: 'slave-1' })
  t.match(read([], { ...env, ASKFIRST_CONFIG: config }), { port: 2, share: 0.3 })
  t.equal(read().port, 8080)
})

test('spells a setting as a flag, as a variable, and with an equals sign', async (t) => {
  t.equal(flagOf('askTimeoutMs'), '--ask-timeout-ms')
  t.equal(variableOf('askTimeoutMs'), 'ASKFIRST_ASK_TIMEOUT_MS')
  t.equal(read(['--ask-timeout-ms=50']).askTimeoutMs, 50)
  t.equal(read(['--advertise=a=b']).advertise, 'a=b')
})

test('gives all settings, frozen, and leaves out what is optional and not given', async (t) => {
  const settings = read()
  t.same(settings, {
    port: 8080,
    askTimeoutMs: 2_000,
    share: 0.5,
    name: 'slave-1',
    policy: 'in-order',
    dry: false,
    slaves: [],
    limitMs: 1000,
    limitMsMax: 4000,
  })
  t.ok(Object.isFrozen(settings))
  t.ok(Object.isFrozen(settings.slaves), 'so that nobody changes the default of the table')
  t.notOk('advertise' in settings)
})

test('names the nearest setting when one is unknown', async (t) => {
  t.match(refusal(['--prot', '1']), 'unknown setting --prot; did you mean --port?')
  t.match(refusal(['--askTimeoutMs', '1']), 'did you mean --ask-timeout-ms?')
  t.match(refusal(['-port', '1']), 'did you mean --port?')
  t.equal(refusal(['--colour-of-the-sky']), 'unknown setting --colour-of-the-sky; see --help')
  t.match(refusal(['8080']), 'unknown setting 8080')
  t.match(refusal(['--constructor']), 'unknown setting --constructor')
})

test('says what would be right when a value is not', async (t) => {
  const right = 'an integer from 0 to 65535 (port)'
  t.equal(refusal(['--port', '65536']), `--port cannot be 65536: it must be ${right}`)
  for (const text of ['http', '', ' ', '1.5', '-1', 'Infinity', '1e400']) {
    t.match(refusal([`--port=${text}`]), right, text)
  }
  t.match(refusal(['--ask-timeout-ms=9']), 'an integer from 10 (the answer')
  t.match(refusal(['--share', '1.1']), 'a number from 0 to 1 (a share)')
  t.match(refusal(['--policy', 'rnd']), 'one of in-order, random')
  t.match(refusal(['--name', 'Slave 1']), 'text that matches ^[a-z0-9-]+$')
  t.match(refusal(['--slaves', 'a=1,b']), 'a list of text that matches =')
  t.match(refusal(['--master', 'x']), '--master cannot be "x": it must be an http or https URL')
})

test('lets a default give way to a limit, and refuses what was given beyond it', async (t) => {
  t.match(read(['--limit-ms-max', '500']), { limitMs: 500, limitMsMax: 500 })
  t.match(read(['--limit-ms', '300', '--limit-ms-max', '500']), { limitMs: 300 })
  t.equal(
    refusal(['--limit-ms', '900'], { ASKFIRST_LIMIT_MS_MAX: '500' }),
    '--limit-ms cannot be 900: it must be at most ASKFIRST_LIMIT_MS_MAX, which is 500; ' +
      'lower one or raise the other',
  )
  t.match(refusal(['--limit-ms', '5000']), 'at most --limit-ms-max, which is 4000')
  t.match(refusal(['--limit-ms-max', '5']), '--limit-ms cannot be 1000: it must be at most')
  t.match(
    help('askfirst test', 'tries things out', table),
    '(from 10 to 9000, at most --limit-ms-max)',
  )
})

test('refuses a variable of ours that neither master nor slave knows', async (t) => {
  t.equal(
    refusal([], { ASKFIRST_PROT: '1' }),
    'unknown setting ASKFIRST_PROT in the environment; did you mean ASKFIRST_PORT?',
  )
  t.equal(
    refusal([], { ASKFIRST_BOGUS: '1' }),
    'unknown setting ASKFIRST_BOGUS in the environment; see --help',
  )
  t.equal(read([], { ASKFIRST_OUTBOX_MAX: '1', ASKFIRST_KEEP_MS: '1', OTHER: 'x' }).port, 8080)
})

test('knows the names of all settings of both programs, and of the command line', async (t) => {
  const ofCommandLine = ['url', 'key', 'keyFile', 'ca']
  const tables = [MasterSettings, SlaveSettings].map(({ properties }) => Object.keys(properties))
  t.same(
    [...ALL_SETTINGS].sort(),
    [...new Set([...tables, ofCommandLine].flat())].sort(),
    'shared/process/all-settings.ts lists them',
  )
})

test('shows a default in words where its value would say nothing', async (t) => {
  t.match(settingsTable(SlaveSettings), '| `--executors` | number of cores |')
  t.match(
    settingsTable(SlaveSettings),
    '| `--kinds` | all kinds; with --pull all that keep no files for peers |',
  )
  t.match(help('askfirst slave', '', SlaveSettings), '; default number of cores')
})

test('tells that the version was asked for', async (t) => {
  t.equal(readSettings(table, { argv: ['--version'], env: {} }), 'version')
})

test('says where the wrong value stands', async (t) => {
  t.match(refusal([], { ASKFIRST_PORT: 'x' }), /^ASKFIRST_PORT cannot be "x"/)
  const config = fileOf(t, '{"port": "80"}')
  t.equal(
    refusal(['--config', config]),
    `"port" in ${config} cannot be "80": it must be an integer from 0 to 65535 (port)`,
  )
  t.match(refusal(['--config', fileOf(t, '{"port": null}')]), 'cannot be null')
})

test('wants a value after a flag that has one', async (t) => {
  t.equal(refusal(['--port']), '--port needs a value: --port N')
  t.equal(refusal(['--name', '--port', '1']), '--name needs a value: --name TEXT')
  t.equal(refusal(['--policy']), '--policy needs a value: --policy WORD')
  t.equal(read(['--advertise=--odd']).advertise, '--odd')
})

test('reads booleans bare or spelled', async (t) => {
  t.equal(read(['--dry']).dry, true)
  t.match(read(['--dry', '--port', '1']), { dry: true, port: 1 })
  t.equal(read(['--dry', 'false']).dry, false)
  t.equal(read(['--dry=true']).dry, true)
  t.equal(read(['--dry=false'], { ASKFIRST_DRY: 'true' }).dry, false)
  t.equal(read([], { ASKFIRST_DRY: 'true' }).dry, true)
  t.match(refusal(['--dry=yes']), '--dry cannot be "yes": it must be true or false')
  t.match(refusal([], { ASKFIRST_DRY: '1' }), 'true or false')
})

test('reads lists, separated by commas or given in pieces', async (t) => {
  t.same(read(['--slaves', 'a=1, b=2']).slaves, ['a=1', 'b=2'])
  t.same(read(['--slaves', 'a=1', '--slaves', 'b=2,c=3']).slaves, ['a=1', 'b=2', 'c=3'])
  t.same(read(['--slaves='], { ASKFIRST_SLAVES: 'a=1' }).slaves, [])
  t.same(read(['--config', fileOf(t, '{"slaves": ["a=1"]}')]).slaves, ['a=1'])
  t.same(read().slaves, [], 'the default stays as it was')
})

test('refuses a secret on the command line and never prints one', async (t) => {
  const said = refusal(['--key', 'k-12345'])
  t.match(said, '--key is a secret: set ASKFIRST_KEY')
  t.notMatch(said, '12345')
  t.match(refusal(['--key=k-12345']), 'is a secret')
  t.equal(read([], { ASKFIRST_KEY: 'k-12345' }).key, 'k-12345')
  t.equal(read(['--config', fileOf(t, '{"key": "k-12345"}')]).key, 'k-12345')
  const wrong = refusal([], { ASKFIRST_KEY: '12345' })
  t.match(wrong, 'ASKFIRST_KEY cannot be (hidden)')
  t.notMatch(wrong, '12345')
})

test('refuses a file that it cannot use, and names it', async (t) => {
  t.match(refusal(['--config', '/no/such/file']), 'cannot read the settings file /no/such/file')
  t.match(refusal(['--config', fileOf(t, '{port: 1}')]), 'cannot read the settings file')
  for (const text of ['[1]', 'null', '7']) {
    t.match(refusal(['--config', fileOf(t, text)]), 'must contain one JSON object')
  }
  const unknown = refusal(['--config', fileOf(t, '{"ask-timeout-ms": 20}')])
  t.match(unknown, 'unknown setting "ask-timeout-ms"')
  t.match(unknown, 'did you mean askTimeoutMs?')
})

test('wants a setting that is required and has no default', async (t) => {
  const required = Type.Object({ url: Type.String({ description: 'where' }) })
  t.throws(() => readSettings(required, { argv: [], env: {} }), {
    message: '--url is required: text (where)',
  })
  t.throws(() => settingsOf(required), SettingError)
  t.same(settingsOf(required, { url: 'x' }), { url: 'x' })
})

test('makes settings for tests from defaults, and checks what is given', async (t) => {
  t.same(settingsOf(table), read())
  const settings = settingsOf(table, { port: 0, advertise: 'x' })
  t.match(settings, { port: 0, share: 0.5, advertise: 'x' })
  t.ok(Object.isFrozen(settings))
  t.throws(() => settingsOf(table, { port: -1 }), /port cannot be -1/)
})

test('lists every setting in --help and in the README table', async (t) => {
  t.equal(readSettings(table, { argv: ['--port', '1', '--help'], env: {} }), 'help')
  t.equal(readSettings(table, { argv: ['-h'], env: {} }), 'help')
  const text = help('askfirst test', 'tries things out', table)
  const readme = settingsTable(table)
  for (const [name, row] of Object.entries(table.properties)) {
    const spelled = name === 'key' ? variableOf(name) : flagOf(name)
    t.match(text, `  ${spelled} `, `${name} in help`)
    t.match(text, (row as { description?: string }).description ?? '')
    t.match(readme, `| \`${spelled}\` |`, `${name} in the table`)
  }
  t.notMatch(text, '--key')
  t.match(text, 'port (from 0 to 65535); default 8080')
  t.match(text, 'the order of asking (one of in-order, random); default "in-order"')
  t.match(text, '--config FILE')
  t.match(readme, '| `--port` | `8080` | port (from 0 to 65535) |')
  t.ok(text.endsWith('\n') && !text.includes('undefined'))
})

test('ignores the variables that Kubernetes sets for a Service named askfirst', async (t) => {
  const address = 'tcp://10.96.4.5:8080'
  for (const service of ['ASKFIRST', 'ASKFIRST_MASTER']) {
    const env = {
      [`${service}_SERVICE_HOST`]: '10.96.4.5',
      [`${service}_SERVICE_PORT`]: '8080',
      [`${service}_SERVICE_PORT_HTTPS`]: '8080',
      [`${service}_PORT`]: address,
      [`${service}_PORT_8080_TCP`]: address,
      [`${service}_PORT_8080_TCP_PROTO`]: 'tcp',
      [`${service}_PORT_8080_TCP_PORT`]: '8080',
      [`${service}_PORT_8080_TCP_ADDR`]: '10.96.4.5',
    }
    t.equal(read([], env).port, 8080)
    t.equal(read([], { ...env, ASKFIRST_SHARE: '0.25' }).share, 0.25)
  }
  t.match(refusal([], { ASKFIRST_MASTER_PORT: '8080' }), /unknown setting ASKFIRST_MASTER_PORT/)
  t.match(refusal([], { ASKFIRST_PORT: 'http://10.96.4.5' }), /ASKFIRST_PORT cannot be/)
})
