// The slaves' own folder of files: which names it may be asked for, what is in it, and opening a
// file of it. A name is a path inside the folder, with slashes; nothing that leads out of it is
// followed, and no symbolic link at all.

import { isUtf8 } from 'node:buffer'
import { constants, lstatSync, readdirSync, statSync } from 'node:fs'
import { resolve, sep } from 'node:path'
import type { SteadyFile } from '../../process/unchanged-file.ts'
import { openSteady } from '../../process/unchanged-file.ts'
import { TaskFailure } from '../kind.ts'

/** More are refused: their names and sizes go through the master, as one result. */
export const FILES_MAX = 10_000

export type Listed = { name: string; bytes: number }

/** Why this may not be a name; null when it may. */
export function nameMistake(name: string): string | null {
  if (name.includes('\0') || name.includes('\\')) return 'must not contain a backslash or NUL'
  if (name.startsWith('/')) return 'must be relative to the folder'
  const steps = name.split('/')
  if (steps.includes('..') || steps.includes('.') || steps.includes('')) {
    return 'must not contain empty steps, . or ..'
  }
  return null
}

/**
 * Names and sizes of these files; of all when `names` is `all`: in folders in it too, but nothing
 * whose name begins with a dot, no symbolic links, and only regular files. Sorted by name then.
 */
export function listFiles(folder: string | null, names: 'all' | string[]): Listed[] {
  const root = given(folder)
  const wanted = names === 'all' ? namesIn(root) : names
  if (wanted.length === 0) {
    throw new TaskFailure('rejected-input', "the slaves' folder has no files")
  }
  return wanted.map((name) => ({ name, bytes: statOf(root, name).size }))
}

/** Opens a file of the folder for reading; it must have the size that was listed. */
export function openListed(folder: string | null, { name, bytes }: Listed): SteadyFile {
  const root = given(folder)
  statOf(root, name)
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)
  const file = openSteady(resolve(root, name), name, flags)
  if (file.size === bytes && file.links === 1) return file
  file.close()
  if (file.links !== 1) throw hardLink(name)
  throw new TaskFailure(
    'file-changed',
    `${name} has ${file.size} bytes, and had ${bytes} when the job started: it must not change during the job and must be the same on every slave`,
  )
}

/**
 * Identifies the folder: slaves that mount one folder give the same, slaves with copies of it do
 * not. The inode of a removed folder is used again, so its time of creation is part of it.
 */
export function identityOf(folder: string | null): string {
  const { ino, birthtimeNs } = statSync(given(folder), { bigint: true })
  return `${ino}.${birthtimeNs}`
}

function given(folder: string | null): string {
  if (folder !== null) return resolve(folder)
  throw new TaskFailure('missing-file', 'this slave has no folder of files (--files)')
}

/** Of a regular file. Looks at every step of its name, so that none is a symbolic link. */
function statOf(root: string, name: string): { size: number } {
  const mistake = nameMistake(name)
  const inside = resolve(root, name).startsWith(root.endsWith(sep) ? root : root + sep)
  if (mistake !== null || !inside) {
    throw new TaskFailure(
      'rejected-input',
      `the file name ${JSON.stringify(name)} ${mistake ?? 'leads out of the folder'}`,
    )
  }
  const steps = name.split('/')
  for (let i = 1; i < steps.length; i++) lookAt(root, steps.slice(0, i).join('/'))
  const stat = lookAt(root, name)
  if (stat.isFile() && stat.nlink > 1) throw hardLink(name)
  if (stat.isFile()) return stat
  throw new TaskFailure('rejected-input', `${name} is not a regular file`)
}

/** What has a second name may be a file that lies elsewhere, and was never meant to be read from here. */
const hardLink = (name: string): TaskFailure =>
  new TaskFailure(
    'rejected-input',
    `${name} has a second hard link, which is not followed: copy the file into the folder`,
  )

function lookAt(root: string, name: string) {
  const stat = lstatSync(resolve(root, name), { throwIfNoEntry: false })
  if (!stat)
    throw new TaskFailure('missing-file', `${name} is not in the folder of files of this slave`)
  if (!stat.isSymbolicLink()) return stat
  throw new TaskFailure('rejected-input', `${name} is a symbolic link, which is not followed`)
}

const DOT = 0x2e

/** A name travels as JSON text, with slashes. Refuses one that text cannot express, by its bytes. */
function textOf(bytes: Uint8Array, folder: string): string {
  const text = isUtf8(bytes) ? Buffer.from(bytes).toString() : null
  if (text !== null && !text.includes('\\')) return text
  const why = text === null ? 'is not UTF-8' : 'has a backslash'
  // Bytes outside printable ASCII, and the backslash, as \xNN.
  const shown = Buffer.from(bytes)
    .toString('latin1')
    .replace(/[^ -[\]-~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
  throw new TaskFailure(
    'rejected-input',
    `the name of "${folder === '' ? '' : `${folder}/`}${shown}" in the slaves' folder ${why}: rename it, or list the files to read instead of "all"`,
  )
}

function namesIn(root: string): string[] {
  const names: string[] = []
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    // As bytes: as text, what is not UTF-8 becomes a name that no file has.
    const asBytes = { withFileTypes: true, encoding: 'buffer' } as const
    for (const entry of readdirSync(resolve(root, folder), asBytes)) {
      if (entry.name[0] === DOT || !(entry.isDirectory() || entry.isFile())) continue
      const step = textOf(entry.name, folder)
      const name = folder === '' ? step : `${folder}/${step}`
      if (entry.isDirectory()) folders.push(name)
      else if (entry.isFile()) names.push(name)
      if (names.length > FILES_MAX) {
        throw new TaskFailure(
          'rejected-input',
          `the slaves' folder has more than ${FILES_MAX} files`,
        )
      }
    }
  }
  return names.sort()
}
