import t from 'tap'
import {
  destinationOf,
  mistakeIn,
  nameOf,
  outputOf,
  placeOf,
} from '../../../../master/cli/run/run-folder.ts'

t.test('a file stands under its relative path', async (t) => {
  for (const [file, place, name] of [
    ['a.wav', 'a.wav', 'a.wav'],
    ['in/a.wav', 'in/a.wav', 'in/a.wav'],
    ['./in//a.wav', 'in/a.wav', './in//a.wav'],
    ['in/../a.wav', 'a.wav', 'a.wav'],
    ['in/..a', 'in/..a', 'in/..a'],
  ] as const) {
    t.equal(placeOf(file), place)
    t.equal(nameOf(file), name)
  }
})

t.test('a file outside the folder stands within the folder of the run', async (t) => {
  for (const [file, place] of [
    ['/srv/a.wav', 'root/srv/a.wav'],
    ['/srv/../a.wav', 'root/a.wav'],
    ['../a.wav', 'up/a.wav'],
    ['../../in/a.wav', 'up/up/in/a.wav'],
    ['in/../../a.wav', 'up/a.wav'],
  ] as const) {
    t.equal(placeOf(file), place)
    t.equal(nameOf(file), place, 'the program is told of that place')
    t.equal(mistakeIn(place), null)
  }
})

t.test('an output is asked for by its normal path, and never outside the folder', async (t) => {
  t.equal(outputOf('./out//a.flac'), 'out/a.flac')
  t.equal(outputOf('out/**/*.png'), 'out/**/*.png')
  t.equal(outputOf('out/'), 'out')
  for (const path of ['../a', '/a', '', '.', 'a/../..']) {
    t.type(mistakeIn(outputOf(path)), 'string', path)
  }
})

t.test('a result belongs beside its input', async (t) => {
  const beside = (output: string, ...inputs: string[]): string =>
    destinationOf(output, { results: null, inputs })
  t.equal(beside('in/a.flac', 'in/a.wav'), 'in/a.flac')
  t.equal(beside('root/srv/a.flac', '/srv/a.wav'), '/srv/a.flac')
  t.equal(beside('up/a.flac', '../a.wav'), '../a.flac')
  t.equal(beside('up/up/x/sub/a.flac', '../../x/a.wav'), '../../x/sub/a.flac')
  t.equal(beside('a.flac', '../in/a.wav'), 'a.flac', 'in the folder of the run, in this folder')
  t.equal(beside('root/etc/passwd', '/srv/a.wav'), 'root/etc/passwd', 'nowhere else above')
  t.equal(beside('up/in/x.flac', '../a.wav', '../in/b.wav'), '../in/x.flac')
})

t.test('a result stands under --results with its whole path', async (t) => {
  const of = { results: '/tmp/out', inputs: ['/srv/a.wav'] }
  t.equal(destinationOf('root/srv/a.flac', of), '/tmp/out/root/srv/a.flac')
  t.equal(destinationOf('a.flac', of), '/tmp/out/a.flac')
})
