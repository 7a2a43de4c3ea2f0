// Tasks that come with files, and give files: image-filter.grayscale.

import { randomBytes } from 'node:crypto'
import type { InputFile, Offer } from '../../../../shared/protocol/wire.ts'
import { Broken, expect } from '../broken.ts'
import { sha256Of } from '../fake-master.ts'
import type { Image } from '../png.ts'
import { decodePng, encodePng, grayscale } from '../png.ts'
import type { Group } from '../rule.ts'
import type { Session } from '../session.ts'

export const KIND = 'image-filter.grayscale'

type FileInOutcome = { name: string; bytes: number; sha256: string; type?: string }

const imageOf = (width: number, height: number, channels: Image['channels']): Image => ({
  width,
  height,
  channels,
  data: randomBytes(width * height * channels),
})

/** Takes a file in, as the master's blobs have it. */
export function blob({ master }: Session, bytes: Buffer): InputFile {
  const sha256 = sha256Of(bytes)
  master.blobs.set(sha256, { bytes, type: 'image/png' })
  return { name: 'strip.png', url: `/blobs/${sha256}`, bytes: bytes.length, sha256 }
}

const take = (here: Session, file: InputFile): Promise<Offer> =>
  here.take(0, { kind: KIND, input: {}, job: 'job-1', keep: 'master', files: [file] })

/** Offers a strip that is all right; gives the outcome. */
async function done(here: Session, file: InputFile): Promise<unknown> {
  const { outcome } = await here.callbackOf(await take(here, file))
  expect(outcome.status === 'done', 'the result', outcome)
  return outcome
}

/** Offers a strip, and compares the file that comes of it with what it should be. */
async function checkStrip(here: Session, image: Image, file: InputFile): Promise<void> {
  const outcome = await done(here, file)
  const { result, files = [] } = outcome as { result: unknown; files?: FileInOutcome[] }
  const size = { width: image.width, height: image.height }
  const same = JSON.stringify(result) === JSON.stringify(size)
  expect(same, `the result ${JSON.stringify(size)}`, result)
  const made = files[0]
  expect(made?.name === 'strip.png' && files.length === 1, 'one file, strip.png', files)
  const kept = here.master.blobs.get(made.sha256)
  expect(kept, 'the file to have been PUT to /blobs before', made)
  const { bytes, type } = kept
  const right = made.bytes === bytes.length && (made.type ?? type) === type
  expect(right, `${bytes.length} bytes, of ${type} if it says a type`, made)
  const wanted = grayscale(image)
  const given = decodePng(bytes)
  const shape = `${image.width} x ${image.height} pixels of ${image.channels} channels`
  const fits = given.channels === image.channels && given.data.length === wanted.data.length
  expect(fits, shape, { ...given, data: undefined })
  const at = given.data.findIndex((value, i) => value !== wanted.data[i])
  expect(at < 0, `${wanted.data[at]} at byte ${at} of ${shape}`, `${given.data[at]}`)
}

async function failureOf(here: Session, file: InputFile, type: string): Promise<void> {
  const { outcome } = await here.callbackOf(await take(here, file))
  const typed = outcome.status === 'failed' && (outcome.type as string) === type
  expect(typed, `the failure \`${type}\``, outcome)
  expect(/\w \w/.test(outcome.message), 'a message in words', outcome.message)
}

export const files: Group = {
  name: 'files',
  heartbeatMs: null,
  needs: KIND,
  rules: [
    {
      name: 'files-made',
      says: 'fetches its files, computes exactly, uploads what it made and lists it in the outcome',
      async run(here) {
        for (const channels of [3, 4, 1, 2] as const) {
          const image = imageOf(67, 41, channels)
          await checkStrip(here, image, blob(here, encodePng(image)))
        }
      },
    },
    {
      name: 'files-checked',
      says: 'does not compute from a file of another SHA-256 than told: `missing-file`',
      async run(here) {
        const right = blob(here, encodePng(imageOf(8, 8, 3)))
        const other = encodePng(imageOf(8, 8, 3))
        here.master.blobs.set(right.sha256 as string, { bytes: other, type: 'image/png' })
        const file = { ...right, bytes: other.length }
        await failureOf(here, file, 'missing-file')
      },
    },
    {
      name: 'files-retried',
      says: 'fetches again what could not be fetched at first',
      async run(here) {
        const image = imageOf(8, 8, 3)
        let tries = 0
        here.master.ways.fetch = () => (['fail', 'lose'] as const)[tries++] ?? 'answer'
        await done(here, blob(here, encodePng(image)))
        if (tries < 3) throw new Broken('three tries', `${tries}`)
      },
    },
    {
      name: 'files-missing',
      says: 'fails a task whose file is not to be had: `missing-file`, in words',
      async run(here) {
        const sha256 = sha256Of(randomBytes(8))
        const file = { name: 'strip.png', url: `/blobs/${sha256}`, bytes: 8, sha256 }
        await failureOf(here, file, 'missing-file')
      },
    },
    {
      name: 'files-ticket',
      says: 'shows the ticket to the peer that has the file, as `Authorization: Bearer`',
      async run(here) {
        const { master } = here
        const image = imageOf(8, 8, 4)
        const path = '/partitions/job-1/task-1/strip.png'
        master.partitions.set(path, encodePng(image))
        const ticket = 'ticket-for-job-1'
        await done(here, { name: 'strip.png', url: master.url + path, ticket })
        const asked = master.fetched.findLast((each) => each.path === path)
        const shown = asked?.authorization === `Bearer ${ticket}`
        expect(shown, `Authorization: Bearer ${ticket}`, asked)
      },
    },
    {
      name: 'image-refused',
      says: 'fails what is no PNG, or larger than 100 million pixels: `rejected-input`, in words',
      async run(here) {
        const notPng = blob(here, Buffer.from('this is not an image'))
        await failureOf(here, notPng, 'rejected-input')
        const claimed = { width: 20_000, height: 20_000 }
        const bomb = blob(here, encodePng(imageOf(8, 8, 3), claimed))
        await failureOf(here, bomb, 'rejected-input')
      },
    },
  ],
}
