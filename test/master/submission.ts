// What the dispatcher is given in tests of the master's shell.

/** A task of the kind `work`, for which the client does not wait. */
export const submission = {
  kind: 'work',
  input: 'null',
  priority: 0,
  runLimitMs: 60_000,
  tags: [],
  work: null,
  trace: null,
  queue: false,
  waitLimitMs: 60_000,
  waitMs: 0,
  idempotencyKey: null,
  client: null,
  requestHash: null,
}

/** Settings of a master that asks what it does not know, with times that suit no test by themselves. */
export const settings = {
  ask: 'known' as const,
  heartbeatMs: 60_000,
  askTimeoutMs: 60_000,
  attemptsMax: 3,
  retryBackoffMs: 1000,
  waitingTasksMax: 10,
  waitLimitMs: 60_000,
}
