// The files that parts of jobs left for peers: shown to whoever has the job's ticket, until the master says
// that the job has ended.
//
//   root/<job>/<task>/<name>

import { timingSafeEqual } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { lstat, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readSteady } from '../../shared/process/unchanged-file.ts'
import type { Offer, OutputFile } from '../../shared/protocol/wire.ts'
import { hashOfOutput, PLAIN } from './outputs.ts'
import { removeFolder } from './remove-folder.ts'

export type Partitions = ReturnType<typeof createPartitions>

/** `url`: where peers reach this slave. */
export function createPartitions({ root, url }: { root: string; url: () => string }) {
  /** Tickets of the jobs whose partitions are here. */
  const tickets = new Map<string, string>()
  mkdirSync(root)

  return {
    /** Keeps the output folder of a run. */
    async keep(out: string, offer: Offer, names: string[]): Promise<OutputFile[]> {
      const { job = '', task, ticket = '' } = offer
      if (!PLAIN.test(job) || !PLAIN.test(task))
        throw new Error('only a part of a job can keep files')
      const folder = join(root, job, task)
      tickets.set(job, ticket)
      await mkdir(join(root, job), { recursive: true })
      // An earlier run of the same task may have left its files: those of this run replace them.
      await rm(folder, { recursive: true, force: true })
      await rename(out, folder)
      const base = `${url()}/partitions/${job}/${task}`
      const listed: OutputFile[] = []
      for (const name of names) {
        // By its hash a peer knows that it fetches the file that was made now.
        const hash = () => hashOfOutput(folder, name)
        const facts = await readSteady(join(folder, name), name, hash)
        listed.push({ name, ...facts, url: `${base}/${name}` })
      }
      return listed
    },

    /** Jobs whose partitions are kept here. */
    jobs: (): string[] => [...tickets.keys()],

    async drop(jobs: string[]): Promise<void> {
      for (const job of jobs) {
        if (!tickets.delete(job)) continue
        await removeFolder(join(root, job))
      }
    },

    /** The path and size of a partition; null when it is not here or not for this ticket. */
    async find(job: string, task: string, name: string, ticket: string) {
      const known = tickets.get(job)
      if (known === undefined || !isSame(known, ticket)) return null
      if (!PLAIN.test(task) || !PLAIN.test(name)) return null
      const path = join(root, job, task, name)
      const facts = await lstat(path).catch(() => null)
      return facts?.isFile() ? { path, bytes: facts.size } : null
    },
  }
}

function isSame(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length === y.length && timingSafeEqual(x, y)
}
