// The files of any task: of slaves that name the features `files` and `outputs`.

import { randomBytes } from 'node:crypto'
import type { InputFile, Outcome } from '../../../../shared/protocol/wire.ts'
import { Broken, expect } from '../broken.ts'
import { encodePng } from '../png.ts'
import type { Group } from '../rule.ts'
import type { Session } from '../session.ts'
import { blob, KIND } from './files.ts'

const png = (): Buffer =>
  encodePng({ width: 8, height: 8, channels: 3, data: randomBytes(8 * 8 * 3) })

/** Offers a task with a strip and further files; gives its outcome. */
async function outcomeOf(
  here: Session,
  { outputs, more = [] }: { outputs: string[]; more?: InputFile[] },
): Promise<Outcome> {
  const files = [blob(here, png()), ...more]
  const offer = await here.take(0, { kind: KIND, input: {}, files, outputs })
  return (await here.callbackOf(offer)).outcome
}

/** Files that the outcome lists, all of which must have been uploaded. */
function uploaded({ master }: Session, { files = [] }: Outcome): string[] {
  for (const file of files) {
    const kept = master.blobs.get(file.sha256 ?? '')
    expect(kept, 'the file to have been PUT to /blobs before', file)
    expect(kept.bytes.length === file.bytes, `${kept.bytes.length} bytes`, file)
  }
  return files.map(({ name }) => name)
}

export const taskFiles: Group = {
  name: 'task-files',
  heartbeatMs: null,
  needs: KIND,
  rules: [
    {
      name: 'files-paths',
      says: 'with the feature `files`: fetches files by path, and refuses paths that lead elsewhere',
      feature: 'files',
      async run(here) {
        const extra = { ...blob(here, Buffer.from('some text')), name: 'sub folder/ä/b.txt' }
        const good = await outcomeOf(here, { outputs: [], more: [extra] })
        expect(good.status === 'done', 'the result', good)
        const wasFetched = here.master.fetched.some(({ path }) => path === extra.url)
        expect(wasFetched, `GET ${extra.url}`, here.master.fetched.slice(-3))
        for (const name of ['../b.txt', '/b.txt', 'a/../../b.txt', 'a//b.txt']) {
          const outcome = await outcomeOf(here, { outputs: [], more: [{ ...extra, name }] })
          const refused = outcome.status === 'failed' && outcome.type === 'missing-file'
          expect(refused, `the failure \`missing-file\` for a file named ${name}`, outcome)
        }
      },
    },
    {
      name: 'outputs-uploaded',
      says: 'with the feature `outputs`: uploads what the offer names before it sends the callback',
      feature: 'outputs',
      async run(here) {
        for (const outputs of [['strip.png'], ['*.png', 'none.*'], ['**']]) {
          const outcome = await outcomeOf(here, { outputs })
          expect(outcome.status === 'done', 'the result', outcome)
          const names = uploaded(here, outcome)
          if (names.join() !== 'strip.png') throw new Broken('one file, strip.png', names)
        }
      },
    },
    {
      name: 'outputs-missing',
      says: 'fails a task that left no file of a name in `outputs`: `missing-output`, in words',
      feature: 'outputs',
      async run(here) {
        const outcome = await outcomeOf(here, { outputs: ['strip.png', 'gone.bin'] })
        const isMissing = outcome.status === 'failed' && outcome.type === 'missing-output'
        expect(isMissing, 'the failure `missing-output`', outcome)
        expect(outcome.message.includes('gone.bin'), 'a message that names it', outcome)
      },
    },
  ],
}
