// Prometheus' own checker, from Debian's package `prometheus`; PROMTOOL names another.

import { spawnSync } from 'node:child_process'

const command = process.env.PROMTOOL ?? 'promtool'

/** Tests of it are skipped where it is not installed: with this as the reason. */
export const skipPromtool =
  spawnSync(command, ['--version']).status === 0
    ? false
    : 'promtool (Debian package prometheus) is not installed'

/** Gives what it says, and whether it is content. */
export function promtool(args: string[], input = ''): { ok: boolean; said: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { input, encoding: 'utf8' })
  return { ok: status === 0, said: `${stdout}${stderr}` }
}
