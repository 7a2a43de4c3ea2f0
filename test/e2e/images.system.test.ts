// Image strips across languages: uploaded, cut, filtered by slaves in Python and in TypeScript,
// stitched, and pixel for pixel what the filters make of the whole.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findPython } from '../../deploy/local/python.ts'
import { decodeImage } from '../../shared/kinds/image-filter/codec.ts'
import { FILTERS } from '../../shared/kinds/image-filter/filters.ts'
import { kindNames } from '../../shared/kinds/load-kinds.ts'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { getJson, isFree, post, request, until } from '../requests.ts'
import { freePort, startMaster, startSlave } from '../rigs/cluster/programs.ts'
import { startSubject } from '../rigs/conformance/subject.ts'

const PHOTO = readFileSync(new URL('../fixtures/photo.jpg', import.meta.url))
const JOB = { kind: 'image-filter' }
const python = findPython()

async function upload(url: string, bytes: Uint8Array): Promise<string> {
  const body = new Uint8Array(bytes)
  return (await request('PUT', `${url}/blobs`, body, { 'content-type': 'image/jpeg' })).body.sha256
}

async function resultOf(url: string, id: string): Promise<Buffer> {
  const response = await fetch(`${url}/jobs/${id}/result`)
  t.equal(response.headers.get('content-type'), 'image/png')
  return Buffer.from(await response.arrayBuffer())
}

t.test('strips of a photograph', async (t) => {
  const data = folderOf(t)
  const { url } = await startMaster(t, join(data, 'master'))
  const image = await upload(url, PHOTO)
  const mayGray = (name: string): boolean =>
    python === undefined || name !== 'image-filter.grayscale'
  const kinds = (await kindNames()).filter((name) => name.startsWith('image-') && mayGray(name))
  await startSlave(t, url, 'node-1', ['--kinds', kinds.join(), '--data', join(data, 'node-1')])

  await t.test('a filter that no slave offers is refused at once', async (t) => {
    if (python === undefined) return t.pass('python3 with Pillow is not installed')
    const answer = await post(`${url}/jobs`, { ...JOB, input: { image, filter: 'grayscale' } })
    const words = /offers? image-filter.grayscale/
    t.match(answer, { status: 422, body: { type: 'no-capable-slave', detail: words } })
  })

  if (python !== undefined) {
    const told = { master: url, data: join(data, 'py-1'), port: String(await freePort()) }
    const command = `${python} slave/python/slave.py --master {master} --name py-1 --port {port} --slots 2 --data {data}`
    const slave = startSubject(command, told)
    t.teardown(slave.kill)
    await until(async () => (await getJson(`${url}/slaves`)).slaves.filter(isFree).length === 2)
  }

  await t.test('gray above, brown below, each from the slave that offers it', async (t) => {
    const input = { image, filters: ['grayscale', 'sepia'] }
    const { body } = await post(`${url}/jobs`, { ...JOB, input, parts: 4 }, { prefer: 'wait=60' })
    t.equal(body.status, 'done', JSON.stringify(body.failure))
    const gray = python === undefined ? 'node-1' : 'py-1'
    const by = body.result.strips.map(({ slave }: Json) => slave)
    t.same(by, [gray, gray, 'node-1', 'node-1'])

    const got = await decodeImage(await resultOf(url, body.id))
    const whole = await decodeImage(PHOTO)
    const half = (whole.height / 2) * whole.width * whole.channels
    const wanted = Buffer.concat([
      FILTERS.grayscale!.apply(whole).subarray(0, half),
      FILTERS.sepia!.apply(whole).subarray(half),
    ])
    t.same([got.width, got.height, got.channels], [whole.width, whole.height, whole.channels])
    t.ok(wanted.equals(got.data), 'pixel for pixel')
  })

  await t.test('where all can read rows of the image, the result is sent in pieces', async (t) => {
    const input = { image, filter: 'blur' }
    const { body } = await post(`${url}/jobs`, { ...JOB, input, parts: 3 }, { prefer: 'wait=60' })
    t.equal(body.status, 'done', JSON.stringify(body.failure))
    const { stages } = await getJson(`${url}/jobs/${body.id}/parts`)
    t.same(
      stages[1].parts.map(({ kind }: Json) => kind),
      Array(3).fill('image-filter.region'),
    )
    const file = await resultOf(url, body.id)
    t.equal(file.length, body.result.bytes)
    const got = await decodeImage(file)
    t.ok(Buffer.from(FILTERS.blur!.apply(await decodeImage(PHOTO))).equals(got.data))
  })

  await t.test('what is no image, or an unknown filter or blob, is told in words', async (t) => {
    const text = await upload(url, new TextEncoder().encode('<html>not an image</html>'))
    const prefer = { prefer: 'wait=60' }
    const bad = await post(
      `${url}/jobs`,
      { ...JOB, input: { image: text, filter: 'sepia' } },
      prefer,
    )
    t.match(bad.body, { status: 'failed', failure: { type: 'rejected-input', message: /cut/ } })
    const unknown = await post(`${url}/jobs`, { ...JOB, input: { image, filter: 'sepiaa' } })
    t.match(unknown, { status: 400, body: { detail: /input.filter must be one of .*sepia/ } })
    const gone = await post(`${url}/jobs`, {
      ...JOB,
      input: { image: '0'.repeat(64), filter: 'sepia' },
    })
    t.match(gone, { status: 404, body: { type: 'no-such-blob' } })
    const blobs = [{ sha256: 'f'.repeat(64) }]
    const words = await post(`${url}/jobs`, { kind: 'word-frequency', input: { blobs } })
    t.match(words, { status: 404, body: { type: 'no-such-blob' } }, 'in any stage')
  })

  await t.test('a slave keeps no files of strips that it has given back', async (t) => {
    const { readdirSync } = await import('node:fs')
    await until(async () => readdirSync(join(data, 'node-1', 'work', 'runs')).length === 0)
    t.same(readdirSync(join(data, 'node-1', 'work', 'partitions')), [])
  })
})
