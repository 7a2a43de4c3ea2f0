// The settings of a pool, and the command line of its children that follows from them.

import assert from 'node:assert'
import type { ChildSettings } from './child.ts'
import { findPrlimit } from './confine.ts'
import type { RunEnded } from './executors.ts'
import { findSnapshot } from './packed.ts'
import type { Folders } from './spawn.ts'
import { findTie } from './spawn.ts'

export type PoolOptions = {
  /** Executors: how many runs are computed side by side. */
  size: number
  /** Names of the kinds that can be run. */
  kinds: string[]
  /** Gets the runs that ended, as lists, as they come. Never called within run(). */
  onEnded: (ended: RunEnded[]) => void
  /** Gets a sentence for the log about a child that died or did not start. */
  onTrouble?: (message: string) => void
  /** No child gets ready, again and again; or one is, after that. */
  onAble?: (able: boolean) => void
  /**
   * Ready children beyond `size`, which step in when one is killed. Default 1; none where children start
   * from a snapshot, which takes a tenth of a second.
   */
  spares?: number
  /** Folders that the children may read and write, for kinds that work on files. Default none. */
  folders?: Folders
  /** Whether the kernel confines the others, where it can; false is for tests. Default true. */
  confined?: boolean
  /** Limit of a child's JavaScript heap. Default 256. */
  heapMb?: number
  /** Limit of a child's whole memory, watched on Linux only. Default heapMb + 256. */
  rssMaxMb?: number
  /** Limit of an encoded result. Default 1 MiB. */
  resultBytesMax?: number
  /** Runs after which a child is replaced by a fresh one. Default 10,000. */
  recycleTasks?: number
  /**
   * The least age of a child that is replaced. Default 60,000: to load mathjs takes half a second of
   * CPU, as much as a hundred thousand tiny runs.
   */
  recycleMsMin?: number
  /**
   * Within this a child must have loaded its kinds, and begin what it was sent. Default 30,000.
   * On a machine that is too busy for that, the next ones get twice as long to load, and so on.
   */
  startLimitMs?: number
  /** Exports `loadKinds(names)`; for tests. Default shared/kinds/load-kinds.ts. */
  kindsModule?: URL | undefined
  /** What a child runs; for tests. Default program.ts. */
  program?: URL
  /** What a child starts from; for tests. Default the packed snapshot, where it fits the other options. */
  snapshot?: string | undefined
}

const LINE_BYTES_EXTRA = 1_048_576

/** The options with their defaults. */
export function withDefaults(options: PoolOptions) {
  const { heapMb = 256, resultBytesMax = 1_048_576, folders, kindsModule, program } = options
  const isPlain = !folders && !kindsModule && !program
  const all = {
    onTrouble: () => {},
    onAble: () => {},
    snapshot: isPlain ? findSnapshot(options.kinds) : undefined,
    rssMaxMb: heapMb + 256,
    recycleTasks: 10_000,
    recycleMsMin: 60_000,
    startLimitMs: 30_000,
    program: new URL('./program.ts', import.meta.url),
    ...options,
    kindsModule: kindsModule ?? new URL('../../shared/kinds/load-kinds.ts', import.meta.url),
    heapMb,
    resultBytesMax,
  }
  const spares = options.spares ?? (all.snapshot === undefined ? 1 : 0)
  assert(all.size >= 1 && spares >= 0 && all.recycleTasks >= 1)
  return { ...all, spares }
}

/** How a child is started. */
export function childProgramOf(options: ReturnType<typeof withDefaults>) {
  const { program, kinds, kindsModule, heapMb, resultBytesMax, folders, snapshot } = options
  const settings: ChildSettings = { kinds, kindsModule: kindsModule.href, resultBytesMax, folders }
  return {
    program,
    kindsModule,
    heapMb,
    folders,
    snapshot,
    argument: JSON.stringify(settings),
    tie: findTie(),
    // Kinds that work on files open them.
    prlimit: folders || options.confined === false ? undefined : findPrlimit(),
    lineBytesMax: resultBytesMax + LINE_BYTES_EXTRA,
  }
}
