// `askfirst events`: what happens, as it happens.

import { command } from '../command.ts'

export const events = command({
  name: 'events',
  says: 'prints events as they happen, a line each',
  options: {
    type: { is: 'text', value: 'TYPE', says: 'only task, slave, job or refused' },
    task: { is: 'text', value: 'ID', says: 'only of this task' },
    job: { is: 'text', value: 'ID', says: 'only of this job' },
    kind: { is: 'text', value: 'KIND', says: 'only of this kind' },
    slave: { is: 'text', value: 'NAME', says: 'only of this slave' },
    since: { is: 'text', value: 'ID', says: 'begin after the event of this id' },
  },
  async run({ values, client, output, signal }) {
    const { since, type, task, job, kind, slave } = values
    const given = Object.entries({ type, task, job, kind, slave })
    const filter = Object.fromEntries(given.filter(([, value]) => value !== undefined))
    const after = since === undefined ? {} : { lastEventId: since }
    const all = client(60_000).stream(filter, { signal, ...after })
    for await (const event of all) {
      if (output.asJson) await output.json(event)
      else await output.line(`${event.id}  ${event.event}  ${JSON.stringify(event.data)}`)
    }
    return signal.aborted ? 'stopped' : 'ok'
  },
})
