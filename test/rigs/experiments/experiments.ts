// `npm run experiments [-- --short] [--only TEXT] [--no-http]`: the laws of validation, measured on
// the production dispatcher, in simulated time and over real HTTP. Fails when a figure differs.

import { parseArgs } from 'node:util'
import type { Experiment, Figure } from './laws.ts'
import { LAWS } from './laws.ts'
import { overHttp } from './over-http.ts'

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    'no-http': { type: 'boolean', default: false },
  },
})
/** A short run has a twentieth of the tasks; its standard errors are over four times as large. */
const effort = values.short ? 0.05 : 1
const http = values['no-http'] ? [] : [overHttp]
const experiments: Experiment[] = [...LAWS, ...http].filter(({ name }) =>
  name.includes(values.only),
)
let passed = 0
let failed = 0

for (const { name, run } of experiments) {
  const startedAt = performance.now()
  const figures = await run(effort)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  process.stdout.write(`${name} (${seconds} s)\n`)
  for (const figure of figures) report(figure)
}
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0

/** A short run may prove too little of a rare event: that is said, and is no failure of it. */
function report({ name, verdict }: Figure): void {
  const weak = verdict.is === 'proves nothing' && values.short
  if (verdict.is === 'agrees' || weak) passed++
  else failed++
  const mark = verdict.is === 'agrees' ? 'ok' : weak ? 'weak' : 'NOT OK'
  process.stdout.write(`  ${mark.padEnd(7)}${name.padEnd(22)} ${verdict.text}\n`)
}
