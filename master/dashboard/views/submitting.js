// What a form that uploads before it submits has in common with others: what it is doing, why it failed,
// and what became of it.

import { useState } from '../html.js'

/**
 * `send` gives the id of what it submitted; it may say meanwhile what it does.
 * @param {(form: FormData, say: (doing: string) => void) => Promise<string>} send
 */
export function useSubmitting(send) {
  const [error, setError] = useState(/** @type {any} */ (null))
  const [busy, setBusy] = useState('')
  const [sent, setSent] = useState(/** @type {string | null} */ (null))
  const submit = async (event) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget, event.submitter)
    setError(null)
    setSent(null)
    try {
      setSent(await send(form, setBusy))
    } catch (wrong) {
      setError(wrong)
    }
    setBusy('')
  }
  return { submit, error, busy, sent }
}
