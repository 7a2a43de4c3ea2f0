// Loads kinds and job kinds: the modules of this folder, each a file or a folder with a kind.ts.

import { readdir } from 'node:fs/promises'
import type { JobKind } from './job-kind.ts'
import type { Kind } from './kind.ts'

const KINDS = new URL('./', import.meta.url)

type Module = { kind?: Kind; kinds?: Kind[]; job?: JobKind }

/** The names of all kinds that a slave can offer. */
export async function kindNames(): Promise<string[]> {
  return [...(await loadKinds()).keys()]
}

/** Imports the kinds of these names; all there are when none is given. Keyed by name. */
export async function loadKinds(names?: string[]): Promise<Map<string, Kind>> {
  const files = await moduleNames()
  const wanted = names?.length ? [...new Set(names.map(moduleOf))] : files
  const loaded = await Promise.all(wanted.filter((file) => files.includes(file)).map(kindsIn))
  const kinds = new Map(loaded.flat().map((kind) => [kind.name, kind]))
  const missing = names?.find((name) => !kinds.has(name))
  if (missing !== undefined) {
    const all = (await Promise.all(files.map(kindsIn))).flat().map(({ name }) => name)
    throw new Error(`there is no kind "${missing}"; the kinds are: ${all.sort().join(', ')}`)
  }
  return names?.length ? new Map([...kinds].filter(([name]) => names.includes(name))) : kinds
}

/** Imports all job kinds there are, by name. */
export async function loadJobKinds(): Promise<Map<string, JobKind>> {
  const modules = await Promise.all((await moduleNames()).map(importModule))
  const jobs = modules.flatMap(({ job }) => (job ? [job] : []))
  return new Map(jobs.map((job) => [job.name, job]))
}

/** Files of this folder that define what a kind is. All others are kinds. */
const DEFINITIONS = ['kind', 'job-kind', 'load-kinds']

/** One module per file or folder of kinds/. */
async function moduleNames(): Promise<string[]> {
  const entries = await readdir(KINDS)
  const names = entries.map((entry) => entry.replace(/\.ts$/, ''))
  return names.filter((name) => !DEFINITIONS.includes(name) && !name.endsWith('.md')).sort()
}

const moduleOf = (kind: string): string => kind.split('.', 1)[0] as string

async function importModule(name: string): Promise<Module> {
  const folder = (await readdir(KINDS)).includes(name)
  const file = new URL(folder ? `${name}/kind.ts` : `${name}.ts`, KINDS)
  return (await import(file.href)) as Module
}

async function kindsIn(name: string): Promise<Kind[]> {
  const { kind, kinds = [], job } = await importModule(name)
  const all = [...(kind ? [kind] : []), ...kinds]
  if (all.length === 0 || all.some((each) => moduleOf(each.name) !== name)) {
    throw new Error(`kinds/${name} must export kinds of that name, or of names under it`)
  }
  if (job && job.name !== name) throw new Error(`the job kind in kinds/${name} must have its name`)
  return all
}
