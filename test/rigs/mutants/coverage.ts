// Which mutations a test reaches: V8's block coverage, compared with the places of the mutations.

import type { Profiler } from 'node:inspector'
import { Session } from 'node:inspector/promises'

export type Block = { startOffset: number; endOffset: number; count: number }

/** Counts executions of all code of this process, in blocks. */
export async function startCoverage() {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  return {
    /** What ran since the last call, by URL. */
    async take(): Promise<Map<string, Block[]>> {
      const { result } = await session.post('Profiler.takePreciseCoverage')
      return new Map(result.map(({ url, functions }) => [url, blocksOf(functions)]))
    },
    async close(): Promise<void> {
      await session.post('Profiler.stopPreciseCoverage')
      session.disconnect()
    },
  }
}

const blocksOf = (functions: Profiler.FunctionCoverage[]): Block[] =>
  functions.flatMap(({ ranges }) => ranges)

/** Whether code at this offset ran: what counts is the innermost block around it. */
export function isReached(blocks: Block[], offset: number): boolean {
  let innermost: Block | undefined
  for (const block of blocks) {
    if (offset < block.startOffset || offset >= block.endOffset) continue
    const length = block.endOffset - block.startOffset
    if (!innermost || length <= innermost.endOffset - innermost.startOffset) innermost = block
  }
  return (innermost?.count ?? 0) > 0
}
