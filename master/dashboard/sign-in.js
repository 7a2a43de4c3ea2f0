// Asks for a key, when the master wants one. The key is handed in and not kept.

import { signIn } from './api.js'
import { html, useEffect, useRef, useState } from './html.js'
import { Problem } from './ui.js'

/** @param {{ done: () => void }} given */
export function SignIn({ done }) {
  const [error, setError] = useState(/** @type {any} */ (null))
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null))
  const key = useRef(/** @type {HTMLInputElement | null} */ (null))
  useEffect(() => dialog.current?.showModal(), [])
  const submit = async (event) => {
    event.preventDefault()
    try {
      await signIn(String(key.current?.value))
      done()
    } catch (wrong) {
      setError(wrong)
    }
  }
  return html`<dialog class="card" ref=${dialog} aria-labelledby="sign-in">
    <form onSubmit=${submit}>
      <h2 id="sign-in">This master requires a key</h2>
      <label class="field"><span>Key</span>
        <input name="key" ref=${key} type="password" autocomplete="current-password" required />
      </label>
      <${Problem} error=${error} />
      <button class="primary">Sign in</button>
    </form>
  </dialog>`
}
