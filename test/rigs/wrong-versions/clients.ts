// Wrong versions of what clients hear.

import type { WrongVersion } from './wrong-version.ts'

export const CLIENTS: WrongVersion[] = [
  {
    name: 'stopping-wakes-nobody',
    says: 'lets whoever waits for a task wait on while the master stops',
    in: 'stopWaiting',
    find: '      for (const id of waiting.keys()) wake(id)\n',
    replace: '',
    caughtBy: 'test/master/dispatch/pending-requests.test.ts',
  },
]
