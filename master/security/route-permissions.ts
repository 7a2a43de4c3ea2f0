// Who may ask for what: one line for each route. A route without a line is for admins only, so that
// one that was forgotten shuts people out and lets nobody in; a test walks all that are registered.

import type { Scope } from './identities/store.ts'

/**
 * `key`: a client's key with this scope may; with `all`, one that sees the tasks of all. `slave`: a slave
 * may, in its own name.
 */
export type Access = { open: true } | { open?: false; key?: Scope; all?: true; slave?: true }

const OPEN: Access = { open: true }
const SLAVE: Access = { slave: true }
const ADMIN: Access = { key: 'admin' }
const SUBMIT: Access = { key: 'submit' }
const READ: Access = { key: 'read' }
const READ_ALL: Access = { key: 'read', all: true }
const CANCEL: Access = { key: 'cancel' }

export const ACCESS: Readonly<Record<string, Access>> = {
  // Says nothing of anybody's work.
  'GET /healthz': OPEN,
  'GET /readyz': OPEN,
  'GET /ca': OPEN,
  'GET /': OPEN,
  'GET /page/*': OPEN,
  'GET /assets/*': OPEN,
  // Carry what lets somebody in, in their body.
  'POST /join': OPEN,
  'POST /session': OPEN,
  'GET /session': OPEN,
  'DELETE /session': OPEN,

  'POST /tasks': SUBMIT,
  'POST /tasks/batch': SUBMIT,
  'POST /tasks/:id/retry': SUBMIT,
  'POST /jobs': SUBMIT,
  'GET /tasks': READ,
  'GET /get-tasks': READ,
  'GET /tasks/:id': READ,
  'GET /tasks/:id/trail': READ,
  'GET /jobs': READ,
  'GET /jobs/:id': READ,
  'GET /jobs/:id/parts': READ,
  'GET /jobs/:id/result': READ,
  'GET /slaves': READ,
  'GET /status': READ,
  'GET /events': READ_ALL,
  'GET /overview': READ_ALL,
  'GET /metrics': READ,
  'GET /kinds': READ,
  'DELETE /tasks/:id': CANCEL,
  'DELETE /jobs/:id': CANCEL,
  'POST /slaves/:name/drain': ADMIN,
  'POST /slaves/:name/resume': ADMIN,
  'PUT /blobs': { key: 'submit', slave: true },
  'GET /blobs/:sha256': { key: 'read', slave: true },

  'POST /renew': SLAVE,
  'POST /slaves': SLAVE,
  'POST /slaves/:name/heartbeat': SLAVE,
  'POST /callbacks': SLAVE,
  'GET /get_task': SLAVE,
  'POST /submit_result': SLAVE,
  'DELETE /slaves/:name': { key: 'admin', slave: true },
}

/** HEAD is GET without the body. */
export function accessTo(method: string, url: string): Access {
  const asked = method === 'HEAD' ? 'GET' : method
  // The documentation is a library's, with many files; it is the same for everybody.
  if (asked === 'GET' && /^\/docs(\/|$)/.test(url)) return OPEN
  return ACCESS[`${asked} ${url}`] ?? ADMIN
}
