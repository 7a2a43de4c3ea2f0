// The names of attempts: unguessable and verifiable. A name is a nonce and a signature over the
// task, the slave and the nonce, so that after a crash, which may have lost the record of an
// attempt, the master still tells its own from a forged one.

import { hash, randomBytes } from 'node:crypto'
import type { AttemptIds } from '../core/context.ts'

const NONCE_BYTES = 12
const NONCE_LENGTH = 16
const SIGNATURE_LENGTH = 22
/** Random bytes are drawn for this many names at a time: one draw costs as much as twenty names. */
const NONCES_DRAWN = 256

/** `secret` is the store's: the same over restarts. */
export function createAttemptIds(secret: string): AttemptIds {
  let nonces = ''
  let at = 0

  function nextNonce(): string {
    if (at === nonces.length) {
      nonces = randomBytes(NONCE_BYTES * NONCES_DRAWN).toString('base64url')
      at = 0
    }
    return nonces.slice(at, (at += NONCE_LENGTH))
  }

  const sign = (nonce: string, task: string, slave: string): string =>
    hash('sha256', `${secret}\n${nonce}\n${task}\n${slave}\n${secret}`, 'base64url').slice(
      0,
      SIGNATURE_LENGTH,
    )

  return {
    issuer: hash('sha256', `issuer\n${secret}`, 'base64url').slice(0, SIGNATURE_LENGTH),
    make(task, slave) {
      const nonce = nextNonce()
      return nonce + sign(nonce, task, slave)
    },
    made: (attempt, task, slave) =>
      attempt.length === NONCE_LENGTH + SIGNATURE_LENGTH &&
      attempt.slice(NONCE_LENGTH) === sign(attempt.slice(0, NONCE_LENGTH), task, slave),
  }
}
