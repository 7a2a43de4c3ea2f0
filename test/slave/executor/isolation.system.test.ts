// Every function of every built-in module is called in an executor: some 1,500 calls for each way in
// which an executor is guarded, a minute of a core. What may be loaded at all is in walls.system.test.ts.

import t from 'tap'
import { guards, MODULES, NOT_THERE, openHostile, openVictims } from './hostile.ts'

/** They end or hold up the executor itself, which is theirs to do. */
const ITS_OWN = /^(exit|abort|reallyExit|_fatalException|wait|waitAsync)$/

for (const [guard, options] of guards) {
  t.test(`${guard} harms nothing whatever function is called`, async (t) => {
    const { compute, outcome, run } = openHostile(t, { ...options(t), size: 2 })
    const victims = await openVictims(t)
    let calls = 0
    for (const module of [...MODULES, 'globalThis'].filter((name) => !NOT_THERE.includes(name))) {
      const { result } = (await compute('functions', module)) as { result: string[] }
      const names = result.filter((name) => !ITS_OWN.test(name))
      const attempts = names.map((name) =>
        run('call', { module, name, target: victims.target }, 2000),
      )
      for (const [i, ended] of (await Promise.all(attempts.map(outcome))).entries()) {
        const seen = 'result' in ended ? ended.result : ''
        t.equal(seen, '', `${module}.${names[i]} reads nothing`)
      }
      t.same(victims.harm(), [], module)
      calls += names.length
    }
    t.ok(calls > 1000, `${calls} functions were called`)
  })
}
