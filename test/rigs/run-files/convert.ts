// A day's work: files converted by a real program, with a stop, a continuation and a killed slave in the middle.
// The files are recordings of a photograph: its pixels, turned and scaled in a way of its own for each file.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import type { Json } from '../../requests.ts'
import { getJson, until } from '../../requests.ts'
import { ROOT } from '../cluster/launch.ts'
import { openScope } from '../cluster/scope.ts'
import type { Figure } from '../load/figures.ts'
import { must, plain } from '../load/figures.ts'
import { openCluster, startRun } from './cluster.ts'

const PHOTO = `${ROOT}test/fixtures/photo.jpg`
const OUT_MS = 600_000

export async function convert(count: number): Promise<Figure[]> {
  const scope = openScope('run-files')
  try {
    const folder = join(scope.folder, 'work')
    const bytes = await writeInputs(folder, count)
    const names = Array.from({ length: count }, (_, i) => nameOf(i))
    const able = 'flac,true'
    const { url, slaves } = await openCluster(scope, 2, [able, 'true', able, 'true'])
    const args = ['--json', '--out', '{.}.flac', '--', 'flac', '-s', '-o', '{.}.flac', '{}', ':::']

    const first = startRun(scope, url, folder, [...args, ...names])
    const lines = (text: string): number => text.split('\n').length - 1
    await until(async () => lines(first.said.stdout) >= count / 4, OUT_MS)
    first.child.kill('SIGINT')
    const stopped = await first.ran
    const second = startRun(scope, url, folder, [...args, ...names])
    const runsOnFirst = async () => (await runningOn(url, 'slave-1')) > 0
    await Promise.race([until(runsOnFirst, OUT_MS), second.ran])
    const killedInTime = second.child.exitCode === null
    await slaves[0]?.kill('SIGKILL')
    const ended = await second.ran

    const outcomes = `${stopped.stdout}${ended.stdout}`
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { n: number; task: string; exit: number })
    const tasks = await allTasks(url)
    const moved = tasks.filter(({ tries }) => tries > 1)
    const odd = (
      await Promise.all(moved.map(async (task) => ((await isLost(url, task)) ? [] : [task.id])))
    ).flat()
    const inOrder = outcomes.every(({ n }, i) => n === i + 1)
    return [
      plain('files', `${count} of ${(bytes / count / 1e6).toFixed(1)} MB in the mean`),
      must(
        'exit codes',
        `${stopped.code}, ${ended.code}`,
        '130, 0',
        stopped.code === 130 && ended.code === 0,
      ),
      plain('outcomes before Ctrl-C', `${lines(stopped.stdout)}`),
      must('slave-1 killed during the run', killedInTime ? 'yes' : 'no', 'yes', killedInTime),
      must(
        'outcomes, in order, each once',
        `${outcomes.length}`,
        `${count}`,
        inOrder && outcomes.length === count,
      ),
      must('tasks', `${tasks.length}`, `${count}`, tasks.length === count),
      plain('tasks that moved', `${moved.length}`),
      must('moved without a lost slave', `${odd.length}`, '0', odd.length === 0),
      ...compared(folder, names),
      ...(moved[0] ? [plain('why one moved', await whyOf(url, moved[0].id))] : []),
    ]
  } finally {
    await scope.close()
  }
}

async function runningOn(url: string, name: string): Promise<number> {
  const { slaves } = await getJson(`${url}/slaves`)
  return slaves.find((slave: Json) => slave.name === name)?.running ?? 0
}

const nameOf = (i: number): string => `take-${String(i + 1).padStart(3, '0')}.wav`

/** Writes them; their bytes in all. */
async function writeInputs(folder: string, count: number): Promise<number> {
  mkdirSync(folder, { recursive: true })
  let bytes = 0
  for (let i = 0; i < count; i++) {
    const pixels = await sharp(PHOTO)
      .rotate((i * 7) % 360)
      .resize(1000 + (i % 50) * 10, 1000, { fit: 'fill' })
      .removeAlpha()
      .raw()
      .toBuffer()
    const wav = Buffer.concat([headerOf(pixels.length - (pixels.length % 4)), pixels])
    writeFileSync(join(folder, nameOf(i)), wav.subarray(0, wav.length - (pixels.length % 4)))
    bytes += wav.length
  }
  return bytes
}

/** Of a WAV file with two channels of 16 bits at 44.1 kHz. */
function headerOf(length: number): Buffer {
  const header = Buffer.alloc(44)
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + length, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(2, 22)
  header.writeUInt32LE(44_100, 24)
  header.writeUInt32LE(176_400, 28)
  header.writeUInt16LE(4, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(length, 40)
  return header
}

/** With what the program itself makes of each. */
function compared(folder: string, names: string[]): Figure[] {
  const differing = names.filter((name) => {
    const direct = join(folder, 'direct.flac')
    execFileSync('flac', ['-s', '-f', '-o', direct, join(folder, name)])
    return !readFileSync(direct).equals(readFileSync(join(folder, name.replace('.wav', '.flac'))))
  })
  return [must('results that differ', `${differing.length}`, '0', differing.length === 0)]
}

async function allTasks(url: string): Promise<Json[]> {
  const all: Json[] = []
  for (let cursor = ''; ; ) {
    const page = await getJson(`${url}/tasks?limit=1000${cursor}`)
    all.push(...page.tasks)
    if (page.next === null) return all
    cursor = `&cursor=${page.next}`
  }
}

/** Whether a task that was tried again had been lost with the killed slave. */
async function isLost(url: string, { id }: Json): Promise<boolean> {
  const { trail } = await getJson(`${url}/tasks/${id}/trail`)
  return trail.some(
    ({ event, slave }: Json) => slave === 'slave-1' && (event === 'slave-lost' || event === 'lost'),
  )
}

async function whyOf(url: string, id: string): Promise<string> {
  const { trail } = await getJson(`${url}/tasks/${id}/trail`)
  return trail
    .map(({ event, slave = '', reason = '' }: Json) => `${event} ${slave} ${reason}`.trim())
    .join('; ')
}
