// The progress of a run in a local file, so that the run can be stopped at any moment and continued. JSON lines
// that are only ever appended, and synced in groups: an outcome is recorded when its line is on the disk.
//
//   {"askfirst":"run","format":1,"run":NAME,"nonce":...,"command":...}   the first line
//   {"n":3,"input":HASH,...}   the outcome of input 3; without "printed": its output was not printed then
//   {"printed":3}              the outputs of inputs 1 to 3 have been printed
//
// A line that was cut off by a crash is removed at the next start. In memory it keeps 4 bytes an input, and the
// place of each outcome that is not printed yet.

import { randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UsageError } from '../../../shared/process/usage-error.ts'
import type { Ended } from './outcome.ts'

const FORMAT = 1
/** Appending waits while more than this is not on the disk. In bytes. */
const PENDING_BYTES_MAX = 8 << 20

type Header = { askfirst: 'run'; format: number; run: string; nonce: string; command: string }
type Place = { at: number; length: number; saved: Promise<void> }
export type Journal = Awaited<ReturnType<typeof openJournal>>

/**
 * Opens the progress of the run `name`, or begins it. `again` forgets what was done. Throws UsageError if
 * another process has it open, or if it is of another command or format.
 */
export async function openJournal(
  path: string,
  given: { name: string; command: string; again: boolean },
) {
  await mkdir(dirname(path), { recursive: true })
  const lock = `${path}.lock`
  await takeLock(lock, given.name)
  try {
    if (given.again) await rm(path, { force: true })
    const file = await open(path, 'a+')
    try {
      return await openIn(file, path, given, lock)
    } catch (error) {
      await file.close()
      throw error
    }
  } catch (error) {
    await rm(lock, { force: true })
    throw error
  }
}

async function openIn(
  file: FileHandle,
  path: string,
  { name, command }: { name: string; command: string },
  lock: string,
) {
  const found = await load(file, path)
  let end = found.end
  if (end < found.size) await file.truncate(end)
  if (found.header !== null) check(found.header, { name, command, path })
  const nonce = found.header?.nonce ?? randomBytes(9).toString('base64url')
  let waiting: { bytes: Buffer; done: PromiseWithResolvers<void> }[] = []
  let pendingBytes = 0
  let writing: Promise<void> | null = null
  let broken: unknown = null
  const { hashes, unprinted, tally } = found

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      const bytes = Buffer.concat(group.map((each) => each.bytes))
      try {
        if (broken !== null) throw broken
        await file.appendFile(bytes)
        await file.datasync()
        for (const { done } of group) done.resolve()
      } catch (error) {
        broken = error
        for (const { done } of group) done.reject(error)
      }
      pendingBytes -= bytes.length
    }
    writing = null
  }

  /** Resolves when it is on the disk. */
  function append(line: object): Place {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`)
    const done = Promise.withResolvers<void>()
    // Not every caller waits for it; the next one that does hears of it.
    done.promise.catch(() => {})
    const place = { at: end, length: bytes.length, saved: done.promise }
    end += bytes.length
    pendingBytes += bytes.length
    waiting.push({ bytes, done })
    writing ??= write()
    return place
  }

  if (found.header === null) {
    const header: Header = { askfirst: 'run', format: FORMAT, run: name, nonce, command }
    await append(header).saved
  }

  return {
    path,
    /** Of this run of the command: a part of all its Idempotency-Keys. */
    nonce,
    /** Of what was recorded before. */
    tally,
    /** The outputs of the inputs up to this one have been printed. */
    printed: found.printed,

    /** Whether the outcome of this input is recorded. */
    has: (number: number, hash: string): boolean => hashes.get(number) === shortOf(hash),

    /** Whether its outcome is recorded and its output not printed yet. */
    isUnprinted: (number: number): boolean => unprinted.has(number),

    /**
     * Records an outcome; saved() waits until it is on the disk. Resolves when there is room for more.
     * `printed`: its output has been printed, so that it need not be kept.
     */
    async record(ended: Ended, printed: boolean): Promise<void> {
      const { stdout: _, stderr: __, ...rest } = ended
      hashes.set(ended.n, shortOf(ended.input))
      const place = append(printed ? { ...rest, printed } : ended)
      if (!printed) unprinted.set(ended.n, place)
      if (pendingBytes > PENDING_BYTES_MAX) await place.saved
    },

    /** Reads an outcome whose output is not printed. */
    async read(number: number): Promise<Ended> {
      const { at, length, saved } = unprinted.get(number) as Place
      await saved
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, at)
      unprinted.delete(number)
      return JSON.parse(buffer.toString()) as Ended
    },

    /** Records that the outputs up to this input have been printed. */
    notePrinted: (number: number): void => void append({ printed: number }),

    /** Waits until all is on the disk. */
    async saved(): Promise<void> {
      await writing
      if (broken !== null) throw broken
    },

    /** Closes it; `remove`: the run is complete and nothing of it is needed any more. */
    async close({ remove }: { remove: boolean }): Promise<void> {
      await writing
      await file.close()
      if (remove) await rm(path, { force: true })
      await rm(lock, { force: true })
    },
  }
}

/** What a file has. `end`: of its last whole line. */
async function load(file: FileHandle, path: string) {
  const { size } = await file.stat()
  const hashes = createHashes()
  const unprinted = new Map<number, Place>()
  const tally = { succeeded: 0, failed: 0, exit: 0 }
  let header: Header | null = null
  let printed = 0
  let end = 0
  for await (const bytes of wholeLines(file)) {
    const { length } = bytes
    const line = lineOf(bytes.toString(), path, end)
    if (end === 0) header = line as Header
    else if ('n' in line) {
      const ended = line as Ended & { printed?: boolean }
      hashes.set(ended.n, shortOf(ended.input))
      if (!ended.printed) unprinted.set(ended.n, { at: end, length, saved: Promise.resolve() })
      else printed = Math.max(printed, ended.n)
      if (ended.exit === 0) tally.succeeded++
      else tally.failed++
      tally.exit = Math.max(tally.exit, ended.exit)
    } else if ('printed' in line) printed = line.printed as number
    end += length
  }
  for (const number of unprinted.keys()) if (number <= printed) unprinted.delete(number)
  return { size, end, header, printed, hashes, unprinted, tally }
}

/** The lines of a file, each with its line feed; not what follows the last line feed. */
async function* wholeLines(file: FileHandle): AsyncGenerator<Buffer, void, void> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false })) {
    let bytes = Buffer.concat([rest, chunk as Buffer])
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10)) {
      yield bytes.subarray(0, at + 1)
      bytes = bytes.subarray(at + 1)
    }
    rest = bytes
  }
}

function lineOf(text: string, path: string, at: number): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    throw new UsageError(`${path} is damaged at byte ${at}: it is not the progress of a run`)
  }
}

function check(
  header: Header,
  { name, command, path }: { name: string; command: string; path: string },
): void {
  if (header.askfirst !== 'run' || header.format !== FORMAT) {
    throw new UsageError(
      `${path} is not the progress of a run in format ${FORMAT}: it is of another version of askfirst; use another --run, or --again to begin again`,
    )
  }
  if (header.command !== command) {
    throw new UsageError(
      `run ${name} is of another command, ${header.command}: use another --run, or --again to begin again`,
    )
  }
}

/** Four bytes of the hash of each input, by its number; 0: none. */
function createHashes() {
  let all = new Uint32Array(1024)
  return {
    get: (number: number): number => all[number] ?? 0,
    set(number: number, hash: number): void {
      if (number >= all.length) {
        const more = new Uint32Array(Math.max(number + 1, all.length * 2))
        more.set(all)
        all = more
      }
      all[number] = hash
    },
  }
}

const shortOf = (hash: string): number => Number.parseInt(hash.slice(0, 8), 16) || 1

/** Two processes on one run would do everything twice. The lock of a process that has ended is taken over. */
async function takeLock(lock: string, name: string): Promise<void> {
  for (;;) {
    try {
      return await writeFile(lock, `${process.pid}\n`, { flag: 'wx' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const owner = Number(await readFile(lock, 'utf8').catch(() => ''))
    if (owner > 0 && owner !== process.pid && isAlive(owner)) {
      throw new UsageError(`run ${name} is under way in process ${owner}: use another --run`)
    }
    // Renamed first: only one of two processes that find it removes it.
    await rename(lock, `${lock}.${process.pid}`).catch(() => {})
    await rm(`${lock}.${process.pid}`, { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
