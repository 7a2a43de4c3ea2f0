// The job's parts run with as little permission as an executor has, in folders of their own.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { BARE_ENVIRONMENT } from '../../../slave/executor/bare-children.ts'
import { expected, photograph, pixelsOf, png } from './images.ts'

const ROOT = join(import.meta.dirname, '../../../..')

const READABLE = ['shared', 'node_modules', 'package.json'].map((path) => join(ROOT, path))
const KIND = pathToFileURL(join(ROOT, 'shared/kinds/load-kinds.ts')).href
const CODEC = new URL('../../../../shared/kinds/image-filter/codec.ts', import.meta.url).href

const PROGRAM = `
  const [module, name, input, files, out] = process.argv.slice(1)
  const { loadKinds } = await import(module)
  const kind = (await loadKinds([name])).get(name)
  const work = { files: JSON.parse(files), out, shared: null }
  process.stdout.write(JSON.stringify(await kind.run(JSON.parse(input), work)))
`

t.test('reads its files and writes its own, with no more permission than that', async (t) => {
  const folder = t.testdir({ cut: {}, sepia: {}, region: {}, stitch: {} })
  const image = photograph(30, 20, 3)
  writeFileSync(join(folder, 'image'), await png(image))

  const run = (name: string, input: object, files: Record<string, string>) => {
    const out = join(folder, name)
    const flags = [
      '--permission',
      '--allow-addons',
      ...[...READABLE, ...Object.values(files)].map((path) => `--allow-fs-read=${path}`),
      `--allow-fs-write=${out}`,
      '--disable-proto=delete',
      '--disallow-code-generation-from-strings',
      '--no-warnings',
      '--input-type=module',
    ]
    const given = [KIND, `image-filter.${name}`, JSON.stringify(input), JSON.stringify(files), out]
    const args = flags.concat('--eval', PROGRAM, given)
    const done = spawnSync(process.execPath, args, { cwd: ROOT, env: {}, encoding: 'utf8' })
    t.equal(done.status, 0, done.stderr)
    return JSON.parse(done.stdout).result as { strips: object[] }
  }

  const cut = run('cut', { filters: ['sepia'], strips: 1 }, { image: join(folder, 'image') })
  t.match(cut, { width: 30, height: 20, channels: 3, format: 'png', strips: [{ height: 20 }] })
  run('sepia', {}, { 'strip.png': join(folder, 'cut/strip-0.png') })
  const rows = { filter: 'sepia', imageHeight: 20, top: 5, height: 9, plain: false }
  run('region', rows, { image: join(folder, 'image') })
  t.same(readdirSync(join(folder, 'region')), ['piece'])
  const shape = { width: 30, height: 20, channels: 3 }
  const stitch = { ...shape, strips: [{ height: 20, above: 0, below: 0 }], format: 'png' }
  run('stitch', stitch, { 'strip-0.png': join(folder, 'sepia/strip.png') })
  t.same(readdirSync(join(folder, 'stitch')), ['image.png'])
  const { data } = await pixelsOf(readFileSync(join(folder, 'stitch/image.png')))
  t.ok(Buffer.from(data).equals(expected(image, ['sepia']).data))
})

t.test('an image cannot be written to a path, where no permission would be asked', async (t) => {
  const path = join(t.testdir(), 'image')
  const program = `
    const { loadSharp } = await import(${JSON.stringify(CODEC)})
    const sharp = await loadSharp()
    const image = { raw: { width: 1, height: 1, channels: 3 } }
    for (const format of ['png', 'jpeg', 'webp', 'tiff', 'gif', 'raw']) {
      const file = process.argv[1] + '.' + format
      await sharp(Buffer.alloc(3), image).toFormat(format).toFile(file).catch(() => {})
      await sharp(Buffer.alloc(3), image).toFile(process.argv[1] + '.v').catch(() => {})
    }`
  const args = ['--input-type=module', '-e', program, path]
  const { status, stderr } = spawnSync(process.execPath, args, {
    env: BARE_ENVIRONMENT,
    encoding: 'utf8',
  })
  t.equal(status, 0, stderr)
  t.same(readdirSync(dirname(path)), [])
})
