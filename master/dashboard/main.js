// The page's frame: header, views by address (#/slaves ...), the verdict above all of them, and who
// asks for a key when the master wants one.

import { onKeyWanted } from './api.js'
import { html, render, useEffect, useRef, useState } from './html.js'
import { connect } from './live.js'
import { SignIn } from './sign-in.js'
import { Strip } from './strip.js'
import { useLive } from './ui.js'
import { Capacity } from './views/capacity.js'
import { Job } from './views/job.js'
import { Jobs } from './views/jobs.js'
import { Now } from './views/now.js'
import { Slave } from './views/slave.js'
import { Slaves } from './views/slaves.js'
import { StreamView } from './views/stream.js'
import { Submit } from './views/submit.js'
import { Task } from './views/task.js'
import { Tasks } from './views/tasks.js'

/** What stands in the navigation, in order. */
const PLACES = [
  { path: '', name: 'Now' },
  { path: 'slaves', name: 'Slaves' },
  { path: 'stream', name: 'Stream' },
  { path: 'tasks', name: 'Tasks' },
  { path: 'jobs', name: 'Jobs' },
  { path: 'submit', name: 'Submit' },
  { path: 'capacity', name: 'Capacity' },
]

/** The views that have one: which place in the navigation they belong to. */
const PARENTS = { slave: 'slaves', task: 'tasks', job: 'jobs' }

/** @returns {string[]} */
const addressNow = () => location.hash.replace(/^#\/?/, '').split('/').map(decoded)

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function Page() {
  const [address, setAddress] = useState(addressNow)
  const [keyWanted, setKeyWanted] = useState(false)
  const main = useRef(/** @type {any} */ (null))
  useEffect(() => {
    const turn = () => setAddress(addressNow())
    addEventListener('hashchange', turn)
    return () => removeEventListener('hashchange', turn)
  }, [])
  useEffect(() => onKeyWanted(() => setKeyWanted(true)), [])
  const [view = '', ...rest] = address
  const key = address.join('/')
  const first = useRef(true)
  useEffect(() => {
    // Whoever goes to another view is there also with the keyboard and the reader of the screen.
    if (!first.current) main.current?.focus({ preventScroll: true })
    first.current = false
    scrollTo(0, 0)
  }, [key])
  const done = () => {
    setKeyWanted(false)
    connect()
  }
  return html`
    <a class="skip" href="#main" onClick=${(event) => skip(event, main)}>Skip to content</a>
    <${Header} here=${PARENTS[view] ?? view} />
    ${keyWanted ? html`<${SignIn} done=${done} />` : null}
    <${Strip} />
    <main id="main" tabindex="-1" ref=${main} key=${key}>${viewOf(view, rest)}</main>`
}

/** @param {Event} event @param {{ current: any }} main */
function skip(event, main) {
  event.preventDefault()
  main.current?.focus()
}

/** @param {string} view @param {string[]} rest */
function viewOf(view, rest) {
  const [name = ''] = rest
  switch (view) {
    case '':
      return html`<${Now} />`
    case 'slaves':
      return html`<${Slaves} />`
    case 'slave':
      return html`<${Slave} name=${name} />`
    case 'stream':
      return html`<${StreamView} />`
    case 'tasks':
      return html`<${Tasks} />`
    case 'task':
      return html`<${Task} id=${name} />`
    case 'jobs':
      return html`<${Jobs} />`
    case 'job':
      return html`<${Job} id=${name} />`
    case 'submit':
      return html`<${Submit} what=${rest.join('/')} />`
    case 'capacity':
      return html`<${Capacity} />`
    default:
      return html`<h1>Page not found</h1><p><a href="#/">Back to the overview</a></p>`
  }
}

/** @param {{ here: string }} given */
function Header({ here }) {
  const { master } = useLive()
  return html`<header class="top">
    <a class="brand" href="#/"><img src="/page/mark.svg" alt="" width="24" height="24" />askfirst</a>
    <nav aria-label="Views">
      ${PLACES.map(
        ({ path, name }) =>
          html`<a href=${`#/${path}`} aria-current=${path === here ? 'page' : null}>${name}</a>`,
      )}
    </nav>
    <span class="version muted">${master ? `master ${master.version}` : ''}</span>
  </header>`
}

const root = /** @type {HTMLElement} */ (document.getElementById('page'))
root.replaceChildren()
render(html`<${Page} />`, root)
connect()
