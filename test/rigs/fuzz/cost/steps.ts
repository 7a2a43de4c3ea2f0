// Reads the steps of two event loops, a master's and a control's (loop.ts, control.ts), and tells which
// of a master's were too long while something was done.

import { fork } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Step } from './judge.ts'
import { longestStep } from './judge.ts'
import { REPORTED_MS } from './loop.ts'

export const LOOP = fileURLToPath(new URL('./loop.ts', import.meta.url))
/** After an answer, for a step that it left behind. */
const REST_MS = 30
/** What was too long is done again, so many times in all: blamed is what is too long each time. */
const TRIES = 3

export type StepWatch = {
  /** Does something; gives what is to blame for a step that was too long each time, in words. */
  blamed(what: string, run: () => Promise<void>): Promise<string | undefined>
  /** What was seen since this or `blamed` was last called, and whether it was too long. */
  take(): Step & { isTooLong: boolean }
  /** Of all that `blamed` has done. */
  longest(): Step
  close(): void
}

/** `steps`: the file of the master's, to which another name is added for the control's. */
export function watchStepsOf(steps: string): StepWatch {
  const control = `${steps}-of-control`
  const process = fork(fileURLToPath(new URL('./control.ts', import.meta.url)), [
    control,
    `${control}-scratch`,
  ])
  const [ofMaster, ofControl] = [steps, control].map(follow) as [() => Step[], () => Step[]]
  const longest: Step = { cpuMs: 0, wallMs: 0, queuedMs: 0 }

  return {
    async blamed(what, run) {
      let said: string | undefined
      for (let left = TRIES; left > 0; left--) {
        await run()
        await sleep(REST_MS)
        const one = take()
        longest.cpuMs = Math.max(longest.cpuMs, one.cpuMs)
        longest.wallMs = Math.max(longest.wallMs, one.wallMs)
        if (!one.isTooLong) return undefined
        said = `a step of the event loop took ${one.cpuMs} ms of CPU time, ${one.wallMs.toFixed(1)} ms more than the machine's delay: ${what}`
      }
      return said
    },
    take,
    longest: () => longest,
    close: () => void process.kill(),
  }

  function take(): Step & { isTooLong: boolean } {
    const machineMs = Math.max(REPORTED_MS, ...ofControl().map(({ wallMs }) => wallMs))
    return longestStep(ofMaster(), machineMs)
  }
}

/** Gives the lines that were added since it was last called. */
function follow(file: string): () => Step[] {
  let seen = 0
  return () => {
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
    const fresh = lines.slice(seen)
    seen = lines.length
    return fresh.map((line) => {
      const [cpuMs = 0, wallMs = 0, queuedMs = 0] = line.split(' ').map(Number)
      return { cpuMs, wallMs, queuedMs }
    })
  }
}
