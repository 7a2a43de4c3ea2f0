// The link from the task of a part to its job: a tag, by which clients find it, and an
// Idempotency-Key that cannot be computed without the ticket of the job.

/** A live task that calls itself a part of a job. Clients can call their tasks so, too. */
export type PartTask = { task: string; job: string; key: string }

export const partTag = (job: string): string => `job:${job}`

/** One key for one round of one part: a master that starts again finds the task it had made. */
export const partKey = (
  ticket: string,
  { stage, index }: { stage: number; index: number },
  round: number,
): string => `part:${ticket}:${stage}:${index}:${round}`

/** Whether a task with this key was made for the job with this ticket. */
export const isPartOf = (ticket: string, { key }: PartTask): boolean =>
  key.startsWith(`part:${ticket}:`)

/** Those of the tasks that call themselves parts. */
export function partTasks(
  tasks: readonly { id: string; idempotencyKey: string | null; tags: readonly string[] }[],
): PartTask[] {
  return tasks.flatMap(({ id, idempotencyKey: key, tags: [tag] }) =>
    key?.startsWith('part:') && tag?.startsWith('job:')
      ? [{ task: id, job: tag.slice('job:'.length), key }]
      : [],
  )
}
