// `askfirst doctor`: run where a slave runs or shall run, it tells what would keep the slave from
// working, and what to do about it. It changes nothing.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent, request } from 'undici'
import type { Client } from '../../../shared/client/client.ts'
import { isProblem, ProblemError, UnreachableError } from '../../../shared/client/client.ts'
import { originOf } from '../../../shared/http/url.ts'
import { VERSION } from '../../../shared/process/version.ts'
import type { Runner } from '../command.ts'
import { command, numberFrom } from '../command.ts'
import { duration } from '../output.ts'

export type Finding = {
  check: string
  /** `note`: not wrong, but worth knowing. */
  verdict: 'ok' | 'note' | 'wrong'
  says: string
}

/** Clocks may differ by so much: they only show in times, never in decisions. */
const CLOCK_MS_MAX = 2_000
/** The Date header has whole seconds. */
const DATE_MS = 1_000
const PATIENCE_MS = 3_000
/** What a slave says of itself is not longer, in bytes. */
const ANSWER_BYTES_MAX = 64 * 1024

export const doctor = (run: Runner) =>
  command(
    'doctor',
    'diagnoses, on the machine of a slave, why it does not work',
    [
      'Checks Node and the version of this checkout; whether the master answers and accepts the key; the clocks; the port (free, used by this slave, or by another program); whether the master can reach this machine at the given address (the master probes it as if a slave with an unused name registered, and registers nothing); and the state of the slave at the master. Exit code 1 when a check fails.',
    ],
    ['askfirst doctor --url http://10.0.0.1:8080 --name slave-2 --host 10.0.0.6'],
  )
    .option('--name <NAME>', 'name of the slave', 'slave-1')
    .option('--host <HOST>', 'address on which the slave listens', '127.0.0.1')
    .option('--port <N>', 'port on which the slave listens', numberFrom(), 9001)
    .option('--advertise <URL>', 'URL at which the master reaches it, if other than host and port')
    .action(
      run(async ({ client, output }, { name, host, port, advertise }) => {
        const address = advertise ?? originOf('http', host, port)
        const master = client(PATIENCE_MS)
        const findings: Finding[] = [nodeHere()]
        const answers = await reach(master, findings)
        const place = await lookAtPort(host, port, name)
        findings.push(place.finding)
        if (answers) {
          findings.push(await reached(master, address, place.listen))
          findings.push(await registered(master, name, address, place.isOurs))
        }
        await place.close()
        output.show(findings, () => findings.map(line))
        return findings.some(({ verdict }) => verdict === 'wrong') ? 'failed' : 'ok'
      }),
    )

const SIGNS = { ok: 'ok   ', note: 'note ', wrong: 'WRONG' }
const line = ({ check, verdict, says }: Finding): string =>
  `${SIGNS[verdict]}  ${check.padEnd(12)}  ${says}`

const verdictOf =
  (verdict: Finding['verdict']) =>
  (check: string, says: string): Finding => ({ check, verdict, says })
const ok = verdictOf('ok')
const note = verdictOf('note')
const wrong = verdictOf('wrong')

const nodeHere = (): Finding =>
  ok(
    'version',
    `askfirst ${VERSION} on Node ${process.versions.node}, ${process.platform} ${process.arch}`,
  )

/** Whether the master answers; its version, its clock, and the key. */
async function reach(master: Client, findings: Finding[]): Promise<boolean> {
  const began = Date.now()
  try {
    const { value, answer } = await master.request<{ version: string; accepting: boolean }>({
      method: 'GET',
      path: '/status',
    })
    const tookMs = Date.now() - began
    const same = value.version === VERSION
    const end = value.accepting ? '' : '; it is shutting down'
    findings.push(
      ok('master', `${master.url} answers, in ${duration(tookMs)}${end}`),
      same
        ? ok('compatible', VERSION)
        : note(
            'compatible',
            `${value.version}, and ${VERSION} here: adjacent versions work together, but use the same version everywhere`,
          ),
      clock(Date.parse(String(answer.headers.date)), began, tookMs),
    )
    return true
  } catch (error) {
    if (error instanceof UnreachableError) {
      const advice =
        'check that it runs, that the address is right, and that no firewall blocks this machine'
      findings.push(wrong('master', `${error.message}: ${advice}`))
    } else if (error instanceof ProblemError && (error.status === 401 || error.status === 403)) {
      const says = `${master.url} answers ${error.status}: ${error.message} (ASKFIRST_KEY, or --key-file)`
      findings.push(wrong('key', says))
    } else throw error
    return false
  }
}

function clock(theirs: number, began: number, tookMs: number): Finding {
  if (Number.isNaN(theirs)) return note('clock', 'the master sends no Date header')
  const apart = theirs + DATE_MS / 2 - (began + tookMs / 2)
  const aside = Math.max(0, Math.abs(apart) - DATE_MS / 2 - tookMs / 2)
  if (aside <= CLOCK_MS_MAX) {
    return ok('clock', 'agrees with the clock of the master to the second')
  }
  const says = `${duration(aside)} ${apart < 0 ? 'ahead of' : 'behind'} the clock of the master, at least`
  return wrong('clock', `${says}: times in logs and trails are wrong; synchronize the clock by NTP`)
}

type Place = {
  finding: Finding
  isOurs: boolean
  /** Resolves when somebody asks here; null when the port is not ours to listen on. */
  listen: { asked: () => boolean } | null
  close: () => Promise<void>
}

/** Whether the port is free (then it is listened on for the moment), or who has it. */
async function lookAtPort(host: string, port: number, name: string): Promise<Place> {
  const check = 'port'
  const at = `${host}:${port}`
  const taken = (finding: Finding, isOurs = false): Place => {
    return { finding, isOurs, listen: null, close: async () => {} }
  }
  let asked = false
  const server = createServer((_request, response) => {
    asked = true
    response.writeHead(404, { 'content-type': 'application/json' }).end('{}')
  })
  const refusal = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once('error', resolve)
    server.listen({ host, port, exclusive: true }, () => resolve(null))
  })
  if (!refusal) {
    const { port: got } = server.address() as AddressInfo
    const close = () => new Promise<void>((resolve) => void server.close(() => resolve()))
    const finding = ok(check, `${host}:${got} is free`)
    return { finding, isOurs: false, listen: { asked: () => asked }, close }
  }
  if (refusal.code !== 'EADDRINUSE') {
    const why =
      refusal.code === 'EADDRNOTAVAIL' ? 'is not an address of this machine' : refusal.message
    return taken(wrong(check, `${at}: ${why}`))
  }
  const holder = (await slaveAt(`http://${at}`)) ?? (await slaveAt(`https://${at}`))
  if (holder === name) return taken(ok(check, `${name} listens at ${at}`), true)
  const who = holder === null ? 'another program' : `another slave, ${holder}`
  return taken(wrong(check, `${at} is in use by ${who}: stop it, or choose another --port`))
}

/** The name of the slave that answers there; null when none does. Only looked at: not who vouches. */
async function slaveAt(url: string): Promise<string | null> {
  const connect = { rejectUnauthorized: false }
  const agent = new Agent({ connect, maxResponseSize: ANSWER_BYTES_MAX })
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const { body } = await request(`${url}/availability`, { signal, dispatcher: agent })
    const { slave } = (await body.json()) as { slave?: unknown }
    return typeof slave === 'string' ? slave : null
  } catch {
    return null
  } finally {
    await agent.destroy()
  }
}

/**
 * Has the master look at the address: a slave that registers is visited before it is let in. The name
 * is made up, and whoever answers has another one or is no slave, so the answer is always a refusal.
 */
async function reached(master: Client, address: string, listen: Place['listen']): Promise<Finding> {
  const check = 'reached'
  const name = `doctor-${process.pid}-${Date.now().toString(36)}`
  const card = { name, boot: name, version: VERSION, kinds: [], tags: [], slots: 1, url: address }
  try {
    await master.request({ method: 'POST', path: '/slaves', json: card })
    return note(check, 'the master registered an unused name without probing the address')
  } catch (error) {
    if (!isProblem(error, 'unreachable-slave')) {
      if (!(error instanceof ProblemError)) throw error
      const says = `unknown: the master answers ${error.status}, ${error.message}`
      return note(check, says)
    }
    const { message } = error
    if (listen?.asked() || (message.includes(' is named ') && message.includes(', not '))) {
      return ok(check, `the master reaches this machine at ${address}`)
    }
    const advice = listen
      ? 'open the port in the firewall, set --advertise, or start the slave with --pull'
      : 'start the slave, or see the port above'
    return wrong(check, `the master does not reach ${address}: ${message}: ${advice}`)
  }
}

/** What the master knows of the slave. */
async function registered(
  master: Client,
  name: string,
  address: string,
  isOurs: boolean,
): Promise<Finding> {
  const check = 'registered'
  const found = (await master.slaves()).find((slave) => slave.name === name)
  if (!found) {
    return isOurs
      ? wrong(check, `${name} runs here but is not registered at the master: see its log`)
      : ok(check, `no slave ${name} is registered at the master: it registers when it starts`)
  }
  const heard = found.heardMs === null ? 'never seen' : `last seen ${duration(found.heardMs)} ago`
  const state = `${found.state}${found.reason === '' ? '' : ` (${found.reason})`}, ${heard}, place ${found.place}`
  if (found.url !== null && found.url !== address) {
    const says = `a slave ${name} is registered at ${found.url}, not at ${address}: ${state}`
    return (isOurs ? wrong : note)(check, says)
  }
  const silent = ['faulty', 'elsewhere', 'suspect', 'silent'].includes(found.state)
  return (isOurs && silent ? wrong : ok)(check, `${name} is ${state}`)
}
