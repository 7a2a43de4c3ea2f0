// The environment of a program: nothing of the agent's but PATH and LANG.

import type { CommandInput } from '../../shared/kinds/command.ts'

/** The variables of a run. Those of the input stand over ours, and the secret ones over them. */
export function variablesOf(run: {
  task: string
  attempt: string
  path: string
  lang: string
  /** Where the program finds its folder, and the one for its temporary files. */
  home: string
  temporary: string
  input: Pick<CommandInput, 'env'>
  secretEnv: Record<string, string>
}): Record<string, string> {
  return {
    PATH: run.path,
    HOME: run.home,
    LANG: run.lang,
    TMPDIR: run.temporary,
    ...run.input.env,
    ...run.secretEnv,
    ASKFIRST_TASK: run.task,
    ASKFIRST_ATTEMPT: run.attempt,
  }
}
