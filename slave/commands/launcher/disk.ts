// How much disk the files of a run take. Walks without following links; a run may change its files
// meanwhile. Names are bytes: a program may choose some that are no text. Reads are synchronous, because
// most runs have a handful of files and a thread for each read costs more than the read; a long walk gives
// way to the rest of the launcher.

import { spawnSync } from 'node:child_process'
import { chmodSync, lstatSync, readdirSync, rmSync } from 'node:fs'
import { setImmediate as giveWay } from 'node:timers/promises'

/** A file counts at least this much, so that their number is bounded, too. In bytes. */
const FILE_BYTES_MIN = 1024
const BLOCK_BYTES = 512
/** Files after which a walk gives way. */
const STEP_FILES = 500
/**
 * A longer path than this, in bytes, counts as too much: the kernel takes no path of more than 4096, so what
 * lies deeper could be neither measured nor removed by its path.
 */
const PATH_BYTES_MAX = 2048
const SLASH = Buffer.from('/')

type Path = Buffer<ArrayBuffer>

/**
 * The bytes that these folders and files take, counted until they exceed `bytesMax`. Infinite when some lie
 * too deep.
 */
export async function diskUse(places: string[], bytesMax: number): Promise<number> {
  let bytes = 0
  await walk(places.map(pathOf), (path) => {
    const facts = lstatSync(path, { throwIfNoEntry: false })
    bytes += facts ? Math.max(FILE_BYTES_MIN, facts.blocks * BLOCK_BYTES) : 0
    if (path.length > PATH_BYTES_MAX) bytes = Number.POSITIVE_INFINITY
    return bytes <= bytesMax && facts?.isDirectory() === true
  })
  return bytes
}

/**
 * Lets the agent remove a folder: removes what lies too deep, and opens folders that their owner closed.
 * Nothing may change it meanwhile.
 */
export async function makeRemovable(folder: string | Path): Promise<void> {
  const isRoot = process.getuid?.() === 0
  await walk([typeof folder === 'string' ? pathOf(folder) : folder], (path) => {
    const facts = lstatSync(path, { throwIfNoEntry: false })
    if (!facts?.isDirectory()) return false
    if (!isRoot && (facts.mode & 0o700) !== 0o700) chmodSync(path, 0o700)
    if (path.length <= PATH_BYTES_MAX) return true
    removeDeep(path)
    return false
  })
}

/** rm goes from folder to folder, as paths that are too long need. Its list of names comes as bytes. */
function removeDeep(path: Path): void {
  const options = { input: path, stdio: ['pipe', 'ignore', 'ignore'] as const }
  for (const words of [
    ['chmod', '-R', 'u+rwx'],
    ['rm', '-rf'],
  ]) {
    spawnSync('xargs', ['-0', ...words, '--'], { ...options, stdio: [...options.stdio] })
  }
}

/** Removes what is in a folder, but `spared`. */
export async function empty(folder: string, spared?: string): Promise<void> {
  for (const path of pathsIn(pathOf(folder))) {
    if (spared !== undefined && path.equals(pathOf(`${folder}/${spared}`))) continue
    await makeRemovable(path)
    attempt(() => rmSync(path, { recursive: true, force: true }))
  }
}

/** Visits these paths, and what is in those for which `visit` says true. */
async function walk(paths: Path[], visit: (path: Path) => boolean): Promise<void> {
  const waiting = [...paths]
  let visited = 0
  for (let path = waiting.pop(); path; path = waiting.pop()) {
    const here = path
    if (attempt(() => visit(here))) for (const each of pathsIn(here)) waiting.push(each)
    if (++visited % STEP_FILES === 0) await giveWay()
  }
}

const pathOf = (text: string): Path => Buffer.from(text)

function pathsIn(folder: Path): Path[] {
  const names = attempt(() => readdirSync(folder, { encoding: 'buffer' })) ?? []
  return names.map((name) => Buffer.concat([folder, SLASH, name]))
}

/** What a run has removed meanwhile, or closed, is passed over. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
