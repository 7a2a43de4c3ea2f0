// A fleet for the word-frequency shuffle under fire, for the tests beside it: jobs that are struck in
// a stage of choice.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Teardown } from '../folder.ts'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { getJson, post, until } from '../requests.ts'
import type { RunningProcess } from '../rigs/cluster/programs.ts'
import { freePort, startMaster, startSlave } from '../rigs/cluster/programs.ts'

export const STAGES = ['list', 'count', 'group', 'exchange', 'sort']
export const SLAVES = 3
const QUICK = ['--heartbeat-ms', '250', '--retry-backoff-ms', '20', '--attempts-max', '20']
/** Many small parts, so that every stage lasts long enough to die in. */
export const JOB = {
  kind: 'word-frequency',
  input: { files: 'all', chunkBytes: 60_000 },
  parts: 12,
}
/** A stage that was over before the kill is tried again with another job. */
const TRIES = 20

export type Fleet = {
  /** Where the slaves' folders are. */
  data: string
  url: string
  restartMaster(): Promise<void>
  restartSlave(i: number): Promise<void>
  slaves: RunningProcess[]
}

/** Some real text: the sources of this test's own project. */
function writeTexts(folder: string): void {
  mkdirSync(folder)
  const root = new URL('../../', import.meta.url).pathname
  for (const part of ['master', 'slave', 'shared']) {
    const names = readdirSync(join(root, part), { recursive: true }).map(String)
    const texts = names.filter((name) => name.endsWith('.ts'))
    const all = texts.map((name) => readFileSync(join(root, part, name)))
    writeFileSync(join(folder, `${part}.txt`), Buffer.concat(all))
  }
}

export async function startFleet(t: Teardown): Promise<Fleet> {
  const data = folderOf(t)
  const files = join(data, 'texts')
  writeTexts(files)
  const at = [...QUICK, '--port', `${await freePort()}`]
  let master = await startMaster(t, join(data, 'master'), at)
  const { url } = master
  const ports = await Promise.all(Array.from({ length: SLAVES }, freePort))
  const startOne = (i: number): Promise<RunningProcess> => {
    const kinds = STAGES.map((stage) => `word-frequency.${stage}`).join()
    const own = ['--data', join(data, `slave-${i}`), '--port', String(ports[i]), '--slots', '2']
    return startSlave(t, url, `slave-${i}`, [...own, '--kinds', kinds, '--files', files])
  }
  const slaves = await Promise.all(Array.from({ length: SLAVES }, (_, i) => startOne(i)))
  return {
    data,
    url,
    slaves,
    async restartMaster() {
      await master.kill()
      master = await startMaster(t, join(data, 'master'), at)
    },
    async restartSlave(i) {
      await (slaves[i] as RunningProcess).kill()
      slaves[i] = await startOne(i)
    },
  }
}

export async function shaOfResult(url: string, id: string): Promise<string> {
  const response = await fetch(`${url}/jobs/${id}/result`)
  const bytes = Buffer.from(await response.arrayBuffer())
  return createHash('sha256').update(bytes).digest('hex')
}

export async function ended(url: string, id: string): Promise<Json> {
  let job: Json
  await until(async () => {
    job = await getJson(`${url}/jobs/${id}`, { prefer: 'wait=5' })
    return job.endedAt !== null
  })
  return job
}

/** Runs jobs until one was struck in the stage; gives that job when it has ended. */
export async function struckIn(
  fleet: Fleet,
  stage: string,
  strike: () => Promise<void>,
): Promise<Json> {
  for (let i = 0; i < TRIES; i++) {
    const { body } = await post(`${fleet.url}/jobs`, JOB)
    const now = async (): Promise<Json> =>
      (await getJson(`${fleet.url}/jobs/${body.id}`)).stages.at(-1)
    await until(async () => STAGES.indexOf((await now())?.name) >= STAGES.indexOf(stage))
    const before = await now()
    await strike()
    const job = await ended(fleet.url, body.id)
    if (before.name === stage && before.done < before.total) return job
  }
  throw new Error(`in ${TRIES} jobs the stage ${stage} was never struck`)
}
