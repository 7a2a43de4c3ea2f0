// Large files through three slaves: npm run files -- [--files N] [--mb N] [--cache-mb N] [--uses N]
// The whole experiment: npm run files -- --files 100 --mb 100 --cache-mb 2000

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runExperiment } from './experiment.ts'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '12' },
    mb: { type: 'string', default: '8' },
    'cache-mb': { type: 'string', default: '40' },
    uses: { type: 'string', default: '4' },
    folder: { type: 'string', default: tmpdir() },
  },
})
const MB = 1_000_000
const data = mkdtempSync(join(values.folder, 'askfirst-files-'))
const ends: (() => unknown)[] = [() => rmSync(data, { recursive: true, force: true })]
try {
  const found = await runExperiment(
    { teardown: (end) => void ends.unshift(end), testdir: () => data },
    {
      data,
      files: Number(values.files),
      bytes: Number(values.mb) * MB,
      slaves: 3,
      cacheBytesMax: Number(values['cache-mb']) * MB,
      uses: Number(values.uses),
    },
  )
  const mb = (bytes: number): string => `${Math.round(bytes / MB)} MB`
  process.stdout.write(
    `${[
      `wrong outputs or tasks:                  ${found.wrong.length === 0 ? 'none' : found.wrong.join('; ')}`,
      `fetches of one file by one slave:        at most ${found.fetchesMax}`,
      `fetched, of what the tasks needed:       ${mb(found.fetched)} of ${mb(found.needed)}`,
      `largest cache:                           ${mb(found.cacheBytes)} of ${values['cache-mb']} MB`,
      `memory of the master:                    ${mb(found.rssBefore)} before, ${mb(found.rssMax)} at most`,
      `tries of the task whose slave was killed while it uploaded: ${found.triesOfKilled}`,
    ].join('\n')}\n`,
  )
  if (found.wrong.length > 0) process.exitCode = 1
} finally {
  for (const end of ends) await end()
}
