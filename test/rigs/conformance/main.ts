// The conformance kit: puts any slave, in any language, through the protocol's paces, and prints a
// line per rule. Exits with 1 when a rule is broken.
//
//   npm run conformance -- --command "node slave/main.ts --master {master} --name {name} \
//       --port {port} --data {data} --slots 2" [--short]

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { Verdict } from './kit.ts'
import { runKit } from './kit.ts'
import { RULES } from './rules.ts'
import { selfTest } from './self-test.ts'

const HELP = `npm run conformance -- --command "COMMAND" [options]

  --command     starts the slave; {master} {name} {port} {data} stand for what it is told.
                It must be the slave's own process, so that signals reach it
  --pull        the slave fetches its tasks: nobody asks it
  --kind        a kind whose running time can be chosen (default sleep)
  --input       its input, in which {ms} stands for milliseconds (default {"ms":{ms}})
  --bad-input   an input that it does not take (default {"ms":"soon"})
  --short       the master is away for 8 s in place of 60, and beats are told to come faster
  --away-ms     or for so long
  --heartbeat-ms  or so often
  --patience-ms a fact that has not come after this will not come (default 30000)
  --skip        rules that are left out, as a,b,c
  --only        only these rules
  --jobs        slave processes side by side (default: the number of cores)
  --trace       prints every message, with its time in seconds since the start
  --list        prints the rules
  --self-test   tries the kit itself: wrong slaves, one per rule, must break that rule and no other
`

const { values } = parseArgs({
  options: {
    command: { type: 'string' },
    pull: { type: 'boolean', default: false },
    kind: { type: 'string', default: 'sleep' },
    input: { type: 'string', default: '{"ms":{ms}}' },
    'bad-input': { type: 'string', default: '{"ms":"soon"}' },
    short: { type: 'boolean', default: false },
    'away-ms': { type: 'string' },
    'heartbeat-ms': { type: 'string' },
    'patience-ms': { type: 'string', default: '30000' },
    skip: { type: 'string', default: '' },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    trace: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    'self-test': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const width = Math.max(...RULES.map(({ name }) => name.length))

if (values.list) {
  RULES.forEach(({ name, says }, i) => {
    print(`${String(i + 1).padStart(3)} ${name.padEnd(width)}  ${says}`)
  })
} else if (values['self-test']) {
  process.exitCode = (await selfTest(print)) ? 0 : 1
} else if (values.help || values.command === undefined) {
  print(HELP)
  process.exitCode = values.help ? 0 : 64
} else {
  process.exitCode = await tryCommand(values.command)
}

async function tryCommand(command: string): Promise<number> {
  const began = performance.now()
  const verdicts = await runKit({
    command,
    pull: values.pull,
    kind: values.kind,
    input: values.input,
    badInput: values['bad-input'],
    heartbeatMs: Number(values['heartbeat-ms'] ?? (values.short ? 1000 : 2000)),
    awayMs: Number(values['away-ms'] ?? (values.short ? 8_000 : 60_000)),
    patienceMs: Number(values['patience-ms']),
    skip: listOf(values.skip),
    only: listOf(values.only),
    jobs: Number(values.jobs),
    trace: values.trace ? (line) => print(`${secondsSince(began)} s  ${line}`) : () => {},
    onVerdict: (verdict) => print(lineOf(verdict)),
  })
  const count = (is: Verdict['is']): number => verdicts.filter((each) => each.is === is).length
  const seconds = Math.round((performance.now() - began) / 1000)
  print(
    `\n${count('passed')} passed, ${count('failed')} failed, ` +
      `${count('not tried')} not tried, in ${seconds} s`,
  )
  return count('failed') > 0 || count('passed') === 0 ? 1 : 0
}

/** Seconds and milliseconds since `began`, of a width. */
function secondsSince(began: number): string {
  return ((performance.now() - began) / 1000).toFixed(3).padStart(8)
}

function listOf(text: string): string[] {
  const names = text.split(',').filter((name) => name !== '')
  const unknown = names.find((name) => !RULES.some((rule) => rule.name === name))
  if (unknown === undefined) return names
  process.stderr.write(`conformance: there is no rule ${unknown}; see --list\n`)
  return process.exit(64)
}

function lineOf({ number, rule, is, words }: Verdict): string {
  const head = `${String(number).padStart(3)} ${rule.name.padEnd(width)}`
  if (is === 'failed') return `${head}  FAILED  (it ${rule.says})\n      ${words}`
  return `${head}  ${is}${words ? `: ${words}` : ''}`
}
