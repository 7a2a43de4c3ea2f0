// deploy.sh on several hosts for real: from nothing to a working cluster, an upgrade under load, and
// removal; and what cloud-init makes of our documents there. The hosts are machines of their own with
// systemd and sshd (rig.ts): one lets us in as root, one as somebody with sudo, one as an ordinary
// user, who has no systemd to use.

import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import tap from 'tap'
import { folderOf } from '../folder.ts'
import { BEFORE, COMMAND } from '../rigs/cluster/launch.ts'
import type { Said } from './rig.ts'
import { noRig, startRig } from './rig.ts'

const ROOT = join(import.meta.dirname, '../..')
const NODE = [COMMAND, ...BEFORE]
const URL = 'https://10.77.0.2:8080'
const HOSTS = `
# role  name      address               settings
master  main      root@10.77.0.2        heartbeat-ms=500  hostkey=KEY_OF_master
slave   slave-1   keeper@10.77.0.3      slots=2 executors=1  hostkey=KEY_OF_slave-1
slave   slave-2   visitor@10.77.0.4:22  slots=1 executors=1  hostkey=KEY_OF_slave-2
`
/** It took 170 to 260 s on two cores that were busy with much else. */
const TIME_MS = 900_000
const MACHINES = ['master', 'slave-1', 'slave-2']

/** Of a public key, as OpenSSH shows it, and as a host's console would. */
function fingerprint(line: string): string {
  const [, key = ''] = line.split(' ')
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64')
  return `SHA256:${digest.replace(/=+$/, '')}`
}

tap.setTimeout(TIME_MS)

tap.test('hosts over SSH', { skip: noRig(), timeout: TIME_MS }, async (t) => {
  const rig = await startRig(t, MACHINES)
  let hosts = HOSTS
  for (const name of MACHINES) {
    const { says } = await rig.run(['cat', join(rig.folder, `${name}.pub`)])
    hosts = hosts.replace(`KEY_OF_${name}`, fingerprint(says))
  }
  const cluster = join(t.testdirName, 'cluster')
  mkdirSync(cluster)
  writeFileSync(join(cluster, 'hosts'), hosts)
  await rig.run(['cp', join(rig.folder, 'key'), join(cluster, 'key')])
  const before = await Promise.all(MACHINES.map(rig.written))
  const deploy = (checkout: string, ...words: string[]): Promise<Said> =>
    rig.run([join(checkout, 'deploy/ssh/deploy.sh'), ...words, cluster])

  await t.test('keys of hosts are pinned, and a host with another key is refused', async (t) => {
    t.match(await deploy(ROOT, 'up'), { code: 1, says: /Host key verification failed/ })
    writeFileSync(join(cluster, 'hosts'), hosts.replace(/SHA256:.{10}/, 'SHA256:0123456789'))
    t.match(await deploy(ROOT, 'pin'), { code: 1, says: /another host may be answering/ })
    writeFileSync(join(cluster, 'hosts'), hosts)
    t.match(await deploy(ROOT, 'pin'), { code: 0, says: /slave-2: pinned SHA256:/ })
    t.match(await deploy(ROOT, 'pin'), { code: 0, says: /slave-2: already pinned/ })
  })

  await t.test(
    'up brings a cluster from nothing, says before what it would do, and is done once',
    async (t) => {
      const would = await deploy(ROOT, 'up', '--check')
      t.match(would, { code: 2, says: /main: would start\n[\s\S]*slave-2: would join/ })
      t.strictSame(await Promise.all(MACHINES.map(rig.written)), before)
      const did = await deploy(ROOT, 'up')
      t.equal(did.code, 0, did.says)
      t.match(did.says, /main: runs [\s\S]*slave-1: runs [\s\S]*slave-2: runs /)
      t.match(await deploy(ROOT, 'up', '--check'), { code: 0, says: /^everything matches/ })
      t.match(await deploy(ROOT, 'up'), { code: 0, says: /^everything matches/ })
      t.match(await deploy(ROOT, 'status'), {
        says: /1\. slave-1: free, 2 of 2 slots free\n2\. slave-2: free, 1 of 1 slots free/,
      })
    },
  )

  await t.test('it speaks TLS, wants a key, and computes', async (t) => {
    const key = readFileSync(join(cluster, 'admin.key'), 'utf8').trim()
    const task = `const [url, key] = process.argv.slice(1)
      const headers = { 'content-type': 'application/json', prefer: 'wait=20', ...(key && { authorization: 'Bearer ' + key }) }
      const answer = await fetch(url + '/tasks', { method: 'POST', headers, body: '{"expression": "6 * 7"}' })
      console.log(answer.status, await answer.text())`
    const ask = (...words: string[]) =>
      rig.run([...trusting(cluster), ...NODE, '--input-type=module', '-e', task, ...words])
    t.match((await ask(URL, key)).says, /^200 .*"result":42/)
    t.match((await ask(URL)).says, /^401 .*"unauthorized"/)
    t.match((await ask(URL.replace('https', 'http'), key)).says, /^400 .*this port uses TLS/)
  })

  await t.test('systemd knows master and slave, keeps them hardened and running', async (t) => {
    for (const [machine, unit] of [
      ['master', 'askfirst-master@main'],
      ['slave-1', 'askfirst-slave@slave-1'],
    ] as const) {
      const shown = await rig.on(machine, `systemctl show ${unit}`)
      for (const line of ['Type=notify', 'User=askfirst', 'ActiveState=active']) {
        t.ok(shown.split('\n').includes(line), `${unit}: ${line}`)
      }
      t.match(await rig.on(machine, `systemctl is-enabled ${unit}`), /^enabled/)
      const verified = `systemd-analyze verify /etc/systemd/system/${unit.replace(/@.*/, '@')}.service 2>&1 | grep -v 'Command /opt' || true`
      t.equal(await rig.on(machine, verified), '')
      await rig.on(machine, `systemd-analyze security --threshold=20 ${unit}`)
    }
    const agent = await rig.on('slave-1', 'systemctl show askfirst-slave@slave-1 -P MainPID')
    await rig.on('slave-1', `kill -9 ${agent}`)
    await rig.on(
      'slave-1',
      `until [ "$(systemctl show askfirst-slave@slave-1 -P MainPID)" -gt ${agent.trim()} ] && systemctl is-active -q askfirst-slave@slave-1; do sleep 0.1; done`,
    )
    // And so does the other host, where there is no systemd for us.
    const find = 'pgrep -u visitor -f [s]lave/main.ts'
    const other = (await rig.on('slave-2', find)).trim()
    await rig.on(
      'slave-2',
      `kill -9 ${other}; until ${find} | grep -vx ${other}; do sleep 0.1; done`,
    )
  })

  await t.test('an upgrade under load loses no task, and takes one slave at a time', async (t) => {
    const next = nextVersion(folderOf(t))
    const client = rig.start([
      ...trusting(cluster),
      ...NODE,
      join(import.meta.dirname, 'client.ts'),
      URL,
    ])
    let trouble = ''
    client.stderr?.on('data', (text: Buffer) => {
      trouble += text.toString()
    })
    const says = createInterface({ input: client.stdout as NodeJS.ReadableStream })[
      Symbol.asyncIterator
    ]()
    client.stdin?.write(readFileSync(join(cluster, 'admin.key')))
    t.equal((await says.next()).value, 'begun')
    t.match(await deploy(next, 'up', '--check'), { code: 2, says: /slave-1: would run 0\.1\.1/ })
    const did = await deploy(next, 'up')
    t.equal(did.code, 0, did.says)
    const order = did.says.split('\n').filter((line) => /finishes its tasks|: runs /.test(line))
    t.match(
      order.join('\n'),
      /^main: runs 0\.1\.1.*\nslave-1: finishes.*\nslave-1: runs 0\.1\.1.*\nslave-2: finishes.*\nslave-2: runs 0\.1\.1\S*$/,
    )
    client.stdin?.end()
    const report = JSON.parse((await says.next()).value ?? `"${trouble}"`)
    t.match(report, { wrong: [], slaves: ['slave-1', 'slave-2'], tries: 1 })
    t.ok(report.ended > 20, `${report.ended} tasks`)
    t.comment(`${report.ended} tasks, ${report.repeated} requests repeated`)
    t.match(await deploy(next, 'up', '--check'), { code: 0 })
  })

  await t.test('remove leaves nothing', async (t) => {
    const did = await deploy(ROOT, 'remove', '--yes')
    t.equal(did.code, 0, did.says)
    t.strictSame(await Promise.all(MACHINES.map(rig.written)), before)
    for (const name of MACHINES) {
      t.equal(
        await rig.on(name, 'pgrep -a node || true; grep -rl --exclude=*- askfirst /etc || true'),
        '',
      )
    }
  })
  await t.test('first boots by cloud-init make a cluster too', async (t) => {
    const bundle = join(rig.folder, 'askfirst.tgz')
    const made = await rig.run([join(ROOT, 'deploy/ssh/deploy.sh'), 'bundle', bundle])
    t.equal(made.code, 0, made.says)
    const words = {
      BUNDLE_URL: 'http://10.77.0.1:8000/askfirst.tgz',
      BUNDLE_SHA256: made.says.slice(0, 64),
    }
    const files = rig.start(['python3', '-m', 'http.server', '8000', '-d', rig.folder])
    const firstBoot = async (name: string, document: string, more: Record<string, string>) => {
      let text = readFileSync(join(ROOT, 'deploy/cloud-init', document), 'utf8')
      for (const [word, given] of Object.entries({ ...words, ...more })) {
        text = text.replaceAll(word, given)
      }
      await rig.on(name, `mkdir -p ${SEED}; echo instance-id: ${name} > ${SEED}/meta-data`)
      await rig.on(
        name,
        `base64 -d <<< ${Buffer.from(text).toString('base64')} > ${SEED}/user-data`,
      )
      await rig.on(name, `base64 -d <<< ${Buffer.from(ONLY).toString('base64')} > ${ONLY_FILE}`)
      const stages = ['init --local', 'init', 'modules --mode=config', 'modules --mode=final']
      return rig.on(name, stages.map((stage) => `cloud-init ${stage}`).join(' && '))
    }
    await firstBoot('master', 'master.yaml', {})
    const host = 'sh /opt/askfirst/master/current/deploy/ssh/host.sh'
    const line = await rig.on('master', `${host} token master slave-1`)
    t.match(line, /^afj_\S+@https:\/\/10\.77\.0\.2:8080#sha256:[0-9a-f]{64}\n$/)
    await firstBoot('slave-1', 'slave.yaml', { SLAVE_NAME: 'slave-1', JOIN_LINE: line.trim() })
    await rig.on('slave-1', 'systemctl is-active askfirst-slave@slave-1')
    const asked = `${host} slaves master ${URL} < /root/askfirst-admin.key`
    await rig.on('master', asked.replace(URL, `${URL} slave-1`))
    t.match(await rig.on('master', asked), /^1\. slave-1: free, /)
    files.kill()
  })
})

const SEED = '/var/lib/cloud/seed/nocloud'
const ONLY_FILE = '/etc/cloud/cloud.cfg.d/99-rig.cfg'
/** Of all that cloud-init does to a machine only what our documents ask for. */
const ONLY = `datasource_list: [NoCloud]
network: { config: disabled }
cloud_init_modules: [write-files, set_hostname]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user]
`

/** Node, run so that it believes the cluster's authority. */
const trusting = (cluster: string): string[] => [
  'env',
  `NODE_EXTRA_CA_CERTS=${join(cluster, 'ca.pem')}`,
]

/** A checkout that says it is the next version. */
function nextVersion(folder: string): string {
  for (const each of ['master', 'shared', 'slave', 'deploy', 'package.json', 'package-lock.json']) {
    cpSync(join(ROOT, each), join(folder, each), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const manifest = join(folder, 'package.json')
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"0.1.0"', '"0.1.1"'))
  return folder
}
