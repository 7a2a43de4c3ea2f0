// The command `askfirst` as a process, as a person or a script starts it.

import type { Teardown } from '../../folder.ts'
import { commandOf, ROOT } from '../../rigs/cluster/launch.ts'
import type { Ran } from '../../rigs/cluster/programs.ts'
import { startCommand } from '../../rigs/cluster/programs.ts'

const SHIM = `${ROOT}master/cli/askfirst.mjs`

/** Starts it; `input` is its standard input. `node` is the Node that finds it. */
export function begin(
  t: Teardown,
  url: string,
  args: string[],
  /** `input: null` leaves its standard input open. */
  { node, ...given }: { input?: string | null; node?: string } = {},
) {
  const command = node ? [node, SHIM, ...args] : commandOf(SHIM, args)
  return startCommand(t, command, { env: { ASKFIRST_URL: url }, ...given })
}

/** Runs it to its end. */
export const askfirst = (
  t: Teardown,
  url: string,
  args: string[],
  given: { input?: string; node?: string } = {},
): Promise<Ran> => begin(t, url, args, given).ran
