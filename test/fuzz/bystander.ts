// A process beside the others that does nothing but wake up: how late even it wakes is what the machine
// takes from everybody's event loop, and no fault of a master.

import { monitorEventLoopDelay } from 'node:perf_hooks'

const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()
process.on('message', () => process.send?.(delay.max / 1e6))
process.on('disconnect', () => process.exit())
