// All requests of the page go through here. A master that asks who one is answers 401: whoever
// listens for that asks for a key, and `signIn` gives it.

/** A whole exchange is over within this, beyond the wait that was asked for. In milliseconds. */
const ANSWER_MS = 60_000
/** The same where a file travels. */
const FILE_MS = 900_000

/** A refusal or a mistake, as the master words it (RFC 9457). */
export class Refused extends Error {
  /** @param {number} status @param {Record<string, any>} problem @param {number | null} retryAfter */
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? problem.title ?? `the master answered ${status}`)
    this.status = status
    this.problem = problem
    /** Whole seconds; null when the master does not know. */
    this.retryAfter = retryAfter
  }
}

/** @type {Set<() => void>} */
const asked = new Set()

/** Calls `run` whenever a key is wanted. @param {() => void} run @returns {() => void} */
export function onKeyWanted(run) {
  asked.add(run)
  return () => void asked.delete(run)
}

/** Hands the key in for a session, which a cookie stands for. @param {string} key */
export const signIn = (key) => request('/session', { method: 'POST', body: { key } })

/**
 * A stream that is refused does not say why: so it is asked for once more, in a way that hears it.
 * @param {string} path
 * @returns {Promise<Refused | null>} null when it is not refused, or nobody answers
 */
export async function whyRefused(path) {
  const stop = new AbortController()
  try {
    await request(path, { signal: stop.signal })
  } catch (error) {
    if (error instanceof Refused) return error
  }
  stop.abort()
  return null
}

/**
 * @param {string} path
 * @param {{ method?: string, body?: unknown, bytes?: Blob, isFile?: boolean, asWritten?: boolean, waitS?: number, signal?: AbortSignal }} [how]
 * @returns {Promise<Response>} one that is ok
 */
export async function request(path, how = {}) {
  const { method = 'GET', body, bytes, isFile = bytes !== undefined, waitS = 0 } = how
  /** @type {Record<string, string>} */
  const headers = {}
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (bytes) headers['content-type'] = bytes.type || 'application/octet-stream'
  if (waitS) headers.prefer = `wait=${waitS}`
  const deadline = AbortSignal.timeout(waitS * 1000 + (isFile ? FILE_MS : ANSWER_MS))
  const signal = how.signal ? AbortSignal.any([how.signal, deadline]) : deadline
  const sent = bytes ?? (body === undefined ? undefined : JSON.stringify(body))
  const given = { method, headers, signal }
  const response = await fetch(path, sent === undefined ? given : { ...given, body: sent })
  if (response.ok) return response
  if (response.status === 401) for (const run of asked) run()
  throw await refusedBy(response)
}

/** @param {string} path @param {Parameters<typeof request>[1]} [how] @returns {Promise<any>} */
export const json = async (path, how) => {
  const response = await request(path, how)
  return how?.asWritten ? parseAsWritten(await response.text()) : response.json()
}

/**
 * Numbers that JSON.stringify would write in another way (-0.0, 1.10) become what it writes as they came.
 * A browser that cannot do that shows the nearest double.
 * @param {string} text @returns {any}
 */
export function parseAsWritten(text) {
  const { rawJSON } = /** @type {{ rawJSON?: (text: string) => unknown }} */ (
    /** @type {unknown} */ (JSON)
  )
  if (!rawJSON) return JSON.parse(text)
  /** @param {string} _name @param {unknown} value @param {{ source?: string }} [context] */
  const keep = (_name, value, context) => {
    const source = context?.source
    if (typeof value !== 'number' || source === undefined || String(value) === source) return value
    return rawJSON(source)
  }
  return JSON.parse(text, keep)
}

/** @param {string} path @param {unknown} body @returns {Promise<any>} */
export const post = (path, body) => json(path, { method: 'POST', body })

/** @param {Response} response */
async function refusedBy(response) {
  const after = response.headers.get('retry-after')
  let problem = {}
  try {
    problem = await response.json()
  } catch {
    // Not a problem document: the status must do.
  }
  return new Refused(response.status, problem, after === null ? null : Number(after))
}
