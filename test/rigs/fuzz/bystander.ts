// A process beside the others that does nothing but wake up: how late even it wakes is what the machine
// takes from everybody's event loop, and no fault of a master.

import { watchLag } from '../../../master/observe/event-loop-lag.ts'

const lag = watchLag()
process.on('message', () => process.send?.(lag.sinceStart().max))
process.on('disconnect', () => process.exit())
