// Whether the master or slave in this container is up: exit code 0 or 1. It looks at /healthz of
// this container, by HTTPS or HTTP, whichever answers. It sends nothing secret and believes nothing
// that it hears, so it does not mind whose certificate that is.

import { get as getPlain } from 'node:http'
import { get as getSafe } from 'node:https'

const port = process.env.ASKFIRST_PORT ?? '8080'
const address = `127.0.0.1:${port}/healthz`
/** For connecting and answering together: the process ends with its last request. */
const signal = AbortSignal.timeout(3_000)
const patience = { signal, rejectUnauthorized: false }

const answers = [
  () => getSafe(`https://${address}`, patience),
  () => getPlain(`http://${address}`, patience),
].map(
  (ask) =>
    new Promise<boolean>((resolve) => {
      const request = ask()
      request.on('response', ({ statusCode }) => resolve(statusCode === 200))
      request.on('error', () => resolve(false))
    }),
)
process.exit((await Promise.all(answers)).includes(true) ? 0 : 1)
