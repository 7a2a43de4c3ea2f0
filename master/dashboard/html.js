// What every file that shows something needs: preact, its hooks, and htm in place of JSX. Text put
// into a template becomes a text node or an attribute's value, never markup.

import * as hooks from './lib/hooks.js'
import htm from './lib/htm.js'
import { Fragment, h, render } from './lib/preact.js'

export const html = htm.bind(h)
export const { useEffect, useLayoutEffect, useMemo, useRef, useState } = hooks
export { Fragment, render }
