// How a task or job stands, as a union: which fields there are is decided by its status. The API's schemas
// list the fields of all of them.

import type { Task } from '../protocol/api/tasks.ts'

type ByStatus = 'status' | 'result' | 'resultType' | 'resultText' | 'files' | 'failure' | 'file'

/** A task or job without the fields that depend on its status. */
export type About<Document> = Omit<Document, ByStatus>
/** `R`: the type of its result. */
export type Done<R> = { status: 'done'; result: R } & Pick<
  Task,
  'resultType' | 'resultText' | 'files'
>
/** `result`, `files`: what a program that failed gave all the same. */
export type Failed<Document extends { failure?: unknown }, R = unknown> = {
  status: 'failed'
} & Required<Pick<Document, 'failure'>> & { result?: R } & Pick<Task, 'files'>
