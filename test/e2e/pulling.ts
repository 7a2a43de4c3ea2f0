// Slaves that pull, for end-to-end tests: ours, and polls as curl would send them.

import type { Teardown } from '../folder.ts'
import type { Json } from '../requests.ts'
import { getJson, until } from '../requests.ts'
import type { RunningProcess } from '../rigs/cluster/programs.ts'
import { startProcess } from '../rigs/cluster/programs.ts'

/** Silence is noticed sooner than in production. */
export const QUICK = ['--heartbeat-ms', '1000', '--retry-backoff-ms', '50', '--attempts-max', '20']
/** Nothing is noticed by silence. */
export const SLOW = ['--heartbeat-ms', '30000', '--retry-backoff-ms', '50']
export const SLEEPER = ['--kinds', 'sleep', '--request-timeout-ms', '1000']

/** A slave as the master lists it. */
export const rowOf = async (url: string, name: string): Promise<Json> =>
  (await getJson(`${url}/slaves`)).slaves.find((row: Json) => row.name === name)

export const inState = (url: string, name: string, state: string): Promise<void> =>
  until(async () => (await rowOf(url, name))?.state === state)

/** A slave that pulls, once the master knows that it is free. */
export async function startPulling(
  t: Teardown,
  url: string,
  name: string,
  args: string[] = SLEEPER,
): Promise<RunningProcess> {
  const given = ['--pull', '--master', url, '--name', name, '--port', '0', '--log-level', 'error']
  const slave = await startProcess(t, 'slave/main.ts', [...given, '--executors', '1', ...args])
  await inState(url, name, 'free')
  return slave
}

/** A poll as curl would send it; its answer, or null for none. */
export async function poll(url: string, query: string, signal?: AbortSignal): Promise<Json> {
  const response = await fetch(`${url}/get_task?${query}`, signal ? { signal } : {})
  return response.status === 204 ? null : response.json()
}
