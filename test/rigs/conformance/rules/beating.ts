// Heartbeats: how often, what they say, and what is done upon the reply.

import { expect } from '../broken.ts'
import type { Group } from '../rule.ts'
import type { Session } from '../session.ts'
import { expectKilled } from './revoking.ts'

/**
 * Intervals that are measured. A busy machine makes them longer: the slave is too slow when even
 * the second shortest is too long, with what beats of the kit's own take longer in the same time;
 * and too quick when their mean is too short.
 */
const INTERVALS = 5
const SHARE_MAX = 0.2

export const beating: Group = {
  name: 'beating',
  heartbeatMs: 'paced',
  rules: [
    {
      name: 'beats',
      says: 'sends heartbeats at the interval that it was told, a fifth more or less',
      run: measureBeats,
    },
    {
      name: 'lists',
      says: 'lists in its heartbeat every attempt that it has, with its task',
      async run(here) {
        const { heartbeats } = here.master
        const { attempt, task } = await here.take()
        const before = heartbeats.length
        // One may have been on its way when the offer was taken.
        await here.until('two heartbeats', () => heartbeats.length >= before + 2)
        const listed = heartbeats[before + 1]?.body.attempts ?? []
        const found = listed.find((each) => each.attempt === attempt)
        expect(found?.task === task, `attempt ${attempt} of task ${task} in the list`, listed)
      },
    },
    {
      name: 'beat-revoke',
      says: 'drops and kills what the reply to a heartbeat names in `revoke`',
      run: (here) =>
        expectKilled(here, 3 * here.trial.heartbeatMs + 500, async (attempt) => {
          let told = false
          here.master.ways.beat = () => {
            told = true
            return { revoke: [attempt], register: false }
          }
          await here.until('a heartbeat', () => told)
          await here.until('the attempt to be dropped', async () => {
            return !(await here.held()).includes(attempt)
          })
        }),
    },
    {
      name: 'registers-again',
      says: 'registers again, and keeps what it has, when the reply says `register`',
      async run(here) {
        const { master } = here
        const { attempt } = await here.take()
        const before = master.registrations.length
        let told = false
        master.ways.beat = () => {
          const register = !told
          told = true
          return { revoke: [], register }
        }
        await here.until('it to register', () => master.registrations.length > before)
        const { boot } = master.registrations.at(-1)?.body ?? {}
        expect(boot === here.boot, `its boot ${here.boot}`, boot)
        const held = await here.held()
        expect(held.includes(attempt), `it to have attempt ${attempt} still`, held)
        const beats = master.heartbeats.length
        await here.until('it to beat again', () => master.heartbeats.length > beats)
      },
    },
  ],
}

async function measureBeats(here: Session): Promise<void> {
  const { heartbeats, misfits } = here.master
  const { heartbeatMs, patienceMs } = here.trial
  const first = heartbeats.length
  const wanted = first + INTERVALS + 1
  const reference = beatMyself(here)
  try {
    await here.until(
      `a heartbeat every ${heartbeatMs} ms`,
      () => heartbeats.length >= wanted,
      () => misfits[0] ?? `${heartbeats.length - first} heartbeats`,
      patienceMs + 2 * INTERVALS * heartbeatMs,
    )
  } finally {
    reference.stop()
  }
  const times = heartbeats.slice(first, wanted).map(({ at }) => at)
  const intervals = times.slice(1).map((at, i) => Math.round(at - (times[i] as number)))
  const short = intervals.toSorted((a, b) => a - b)[1] as number
  const mean = intervals.reduce((sum, ms) => sum + ms, 0) / intervals.length
  const share = SHARE_MAX * heartbeatMs
  // However busy the machine is, one that beats at a third of the rate is none that is held up.
  const late = Math.min(heartbeatMs, 2 * reference.lateMs())
  const near = short <= heartbeatMs + share + late && mean >= heartbeatMs - share
  expect(near, `${heartbeatMs} ms between heartbeats`, `${intervals.join(', ')} ms`)
}

/** Beats as a slave would, until it is stopped. */
function beatMyself({ master, trial: { heartbeatMs } }: Session) {
  const late: number[] = []
  let stopped = false
  void beatOn().catch(() => {})

  async function beatOn(): Promise<void> {
    while (!stopped) {
      const before = performance.now()
      await new Promise((resolve) => setTimeout(resolve, heartbeatMs))
      await fetch(master.url).then((answer) => answer.text())
      late.push(performance.now() - before - heartbeatMs)
    }
  }

  return {
    stop: (): void => void (stopped = true),
    /** By how many milliseconds a beat came late, as the median. */
    lateMs: (): number => late.toSorted((a, b) => a - b)[Math.floor(late.length / 2)] ?? 0,
  }
}
