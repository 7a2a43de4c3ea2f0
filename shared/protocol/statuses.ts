// The statuses of tasks and jobs. This file imports nothing: the command line uses it and starts without the
// schemas.

export const TASK_STATUSES = [
  'pending',
  'in progress',
  'done',
  'failed',
  'cancelled',
  'expired',
] as const

export const JOB_STATUSES = ['in progress', 'done', 'failed', 'cancelled'] as const

/** Whether a task or job has ended: its outcome never changes. */
export const hasEnded = ({ status }: { status: string }): boolean =>
  status !== 'pending' && status !== 'in progress'
