// When the Python slave renews its certificate, whatever is done to its wall clock (as slave/security/identity.ts).

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { findPython } from '../../python.ts'

const python = findPython('http.client')
const skip = python ? false : 'python3 (3.11 or later) is not installed'
const run = promisify(execFile)
const FOLDER = join(import.meta.dirname, '../../../slave/python')
/** A certificate of nine hours, made now: it is to be renewed after three. */
const SCRIPT = `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from askfirst_slave.security import identity

class Clock:
    wall, passed = 1_790_000_000.0, 5_000.0
    def time(self):
        return self.wall
    def monotonic(self):
        return self.passed

identity.time = clock = Clock()
HOUR = 3600
it = identity.Identity.__new__(identity.Identity)
it.facts = {"lifeMs": 9 * HOUR * 1000, "expiresAt": (clock.wall + 9 * HOUR) * 1000}
it.since = clock.passed
said = []
for wall, passed in json.loads(sys.argv[2]):
    clock.wall, clock.passed = Clock.wall + wall * HOUR, Clock.passed + passed * HOUR
    said.append(it.renewal_is_due())
print(json.dumps([said, it.look_again_after()]))
`

t.test('the Python slave renews its certificate by both clocks', { skip }, async (t) => {
  // In hours: how far the wall clock and the monotonic clock moved.
  const cases: [number, number, boolean, string][] = [
    [0, 0, false, 'it is new'],
    [2.9, 2.9, false, 'a third of its life is not over'],
    [3, 3, true, 'a third of its life is over'],
    [8, 0.1, true, 'the clock was set 8 hours ahead, or the machine was suspended'],
    [-240, 2.9, false, 'the clock was set back, and a third of its life is not over'],
    [-240, 3, true, 'the clock was set back, and a third of its life is over'],
  ]
  const moves = JSON.stringify(cases.map(([wall, passed]) => [wall, passed]))
  const { stdout } = await run(python as string, ['-c', SCRIPT, FOLDER, moves])
  const [due, restSeconds] = JSON.parse(stdout)
  for (const [i, [, , expected, words]] of cases.entries()) t.equal(due[i], expected, words)
  t.ok(restSeconds <= 60, 'a jump of the clock is noticed within a minute')
})
