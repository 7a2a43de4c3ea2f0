// Opens the jobs' store and the blob index: a file in a thread of its own, one that is kept in memory
// in this thread.
//
// One copy of the log into the file took 136 to 263 ms on a busy disk, and every write waits for a sync.
// A call to the thread and back costs about 0.05 ms; jobs and blobs are few enough for that.

import { Worker } from 'node:worker_threads'
import { environmentOfThread } from '../../../shared/process/compile-cache.ts'
import { opened } from '../sqlite-open.ts'
import type { BlobIndex } from './blob-index.ts'
import type { Call, Reply, Request } from './calls.ts'
import { errorOf, run } from './calls.ts'
import type { JobStore } from './job-store.ts'
import type { JobsFileOptions } from './sqlite.ts'
import { openJobsFile } from './sqlite.ts'

export type JobStores = {
  jobs: JobStore
  blobs: BlobIndex
  /** Waits for the calls before it. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens or makes the file. Rejects with StoreRefusedError, with words about what to do, when it is
 * damaged or in use, and with NoRoomError when the disk is full. `onBroken` is called when the file is
 * damaged or gone, or its thread has failed: then the master must stop.
 */
export async function openJobStores(
  options: JobsFileOptions,
  onBroken: (error: Error) => void = () => {},
): Promise<JobStores> {
  return options.path === ':memory:' ? openHere(options, onBroken) : openInThread(options, onBroken)
}

/** In the calling thread, which each call blocks: in memory, and for tests. */
export function openHere(
  options: JobsFileOptions,
  onBroken: (error: Error) => void = () => {},
): JobStores {
  const file = opened(options.path, () => openJobsFile(options, onBroken))
  const call = async (table: 'jobs' | 'blobs', name: PropertyKey, ...args: unknown[]) =>
    run(file, { table, name, args })
  return storesOf(call as Call, async () => file.close())
}

type Waiting = { resolve: (value: unknown) => void; reject: (error: Error) => void }

async function openInThread(
  options: JobsFileOptions,
  onBroken: (error: Error) => void,
): Promise<JobStores> {
  const thread = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: options,
    env: environmentOfThread(),
  })
  /** In the order of the calls: replies come so. The first waits for the file to be open. */
  const waiting: Waiting[] = []
  let failed: Error | undefined
  let closed: Promise<void> | undefined
  const exited = new Promise<void>((resolve) => void thread.once('exit', () => resolve()))
  thread.on('message', hear)
  thread.on('error', (error: Error) => fail(error))
  thread.on('exit', () => fail(new Error('the thread of the store ended unexpectedly')))
  await reply().catch((error: Error) => {
    closed = exited
    throw error
  })
  return storesOf(call as Call, close)

  function hear(said: Reply): void {
    switch (said.is) {
      case 'opened':
        return waiting.shift()?.resolve(undefined)
      case 'result':
        return waiting.shift()?.resolve(said.value)
      case 'failure':
        return waiting.shift()?.reject(errorOf(said.failure))
      case 'broken':
        return onBroken(errorOf(said.failure))
    }
  }

  function reply(): Promise<unknown> {
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
  }

  function call(table: 'jobs' | 'blobs', name: string, ...args: unknown[]): Promise<unknown> {
    if (failed) return Promise.reject(failed)
    if (closed) return Promise.reject(new Error('the store is closed'))
    send({ do: 'call', table, name, args })
    return reply()
  }

  function send(request: Request): void {
    thread.postMessage(request)
  }

  /** The thread has ended: nothing is known of the calls that wait. By itself: the store is broken. */
  function fail(error: Error): void {
    if (failed) return
    failed = error
    for (const { reject } of waiting.splice(0)) reject(error)
    if (!closed) onBroken(error)
  }

  function close(): Promise<void> {
    if (!closed) send({ do: 'close' })
    closed ??= exited
    return closed
  }
}

function storesOf(call: Call, close: () => Promise<void>): JobStores {
  return {
    jobs: {
      load: () => call('jobs', 'load'),
      insert: (job, input) => call('jobs', 'insert', job, input),
      end: (end) => call('jobs', 'end', end),
      get: (by) => call('jobs', 'get', by),
      list: (query) => call('jobs', 'list', query),
      text: (id, name) => call('jobs', 'text', id, name),
      trim: (endedBefore) => call('jobs', 'trim', endedBefore),
    },
    blobs: {
      usage: () => call('blobs', 'usage'),
      put: (blob, client, now) => call('blobs', 'put', blob, client, now),
      use: (sha256, now, freshMs, reader) => call('blobs', 'use', sha256, now, freshMs, reader),
      refer: (job, sha256s) => call('blobs', 'refer', job, sha256s),
      referTask: (task, client, sha256s) => call('blobs', 'referTask', task, client, sha256s),
      tasksOf: (sha256) => call('blobs', 'tasksOf', sha256),
      release: (sha256, tasks) => call('blobs', 'release', sha256, tasks),
      unused: (usedBefore, after) => call('blobs', 'unused', usedBefore, after),
      drop: (sha256, usedBefore) => call('blobs', 'drop', sha256, usedBefore),
    },
    close,
  }
}
