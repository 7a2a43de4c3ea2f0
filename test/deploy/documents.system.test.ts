// Every document of deploy/, before the validator of its own kind. What none of them says of a machine
// that is not here (Windows, Hyper-V, a cluster, a container engine) README.md of deploy/ lists.

import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1'
import * as dockerfile from 'dockerfile-utils'
import { StatefulSet } from 'kubernetes-models/apps/v1'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { Namespace, Service, ServiceAccount } from 'kubernetes-models/v1'
import { test } from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { folderOf } from '../folder.ts'
import { BEFORE, COMMAND } from '../rigs/cluster/launch.ts'
import { lintPowerShell } from './powershell.ts'

const ROOT = join(import.meta.dirname, '../..')
const DEPLOY = join(ROOT, 'deploy')
const files = (pattern: string): string[] => globSync(pattern, { cwd: DEPLOY }).toSorted()

/** What a command says, and whether it is content. */
function run(command: string, args: string[]): { ok: boolean; says: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: DEPLOY,
    encoding: 'utf8',
  })
  return { ok: status === 0, says: error ? `${command}: ${error.message}` : `${stdout}${stderr}` }
}

const unless = (command: string) => ({
  skip: spawnSync(command, ['--version']).error ? `${command} is not installed` : false,
})

test('shell scripts are as shellcheck wants them', unless('shellcheck'), (t) => {
  const scripts = [...files('**/*.sh'), ...globSync(join(ROOT, 'test/deploy/*.sh'))]
  t.ok(scripts.length >= 5)
  const checked = run('shellcheck', scripts)
  t.ok(checked.ok, checked.says)
  t.end()
})

test('cloud-init takes its documents', unless('cloud-init'), (t) => {
  for (const file of ['cloud-init/master.yaml', 'cloud-init/slave.yaml']) {
    const checked = run('cloud-init', ['schema', '--config-file', file])
    t.ok(checked.ok, checked.says)
  }
  t.end()
})

test(
  'the scripts in cloud-init documents are as shellcheck wants them',
  unless('shellcheck'),
  (t) => {
    for (const file of ['cloud-init/master.yaml', 'cloud-init/slave.yaml']) {
      // What runs is a script of its own, which the schema does not look into.
      const { write_files: written } = parse(readFileSync(join(DEPLOY, file), 'utf8'))
      const script = spawnSync('shellcheck', ['-s', 'sh', '-'], { input: written[0].content })
      t.equal(script.status, 0, String(script.stdout))
    }
    t.end()
  },
)

test('systemd finds its units hardened: 2.0 or better', unless('systemd-analyze'), (t) => {
  for (const unit of files('systemd/*.service')) {
    const given = ['security', '--offline=true', '--threshold=20', '--no-pager', unit]
    const checked = run('systemd-analyze', given)
    t.ok(checked.ok, checked.says.split('\n').at(-2) ?? '')
    const text = readFileSync(join(DEPLOY, unit), 'utf8')
    t.notMatch(text, /MemoryDenyWriteExecute=yes/, 'V8 writes code that it runs')
  }
  t.end()
})

test('the compose file is one', unless('docker-compose'), (t) => {
  const checked = run('docker-compose', ['-f', 'docker/compose.yaml', 'config'])
  t.ok(checked.ok, checked.says)
  const { services } = parse(checked.says)
  t.strictSame(Object.keys(services).toSorted(), [
    'master',
    'python-1',
    'slave-1',
    'slave-2',
    'slave-3',
  ])
  for (const each of Object.values<Record<string, unknown>>(services)) {
    t.match(each, { read_only: true, cap_drop: ['ALL'] })
  }
  t.end()
})

test('the Dockerfile is one, and runs as nobody', (t) => {
  const text = readFileSync(join(DEPLOY, 'docker/Dockerfile'), 'utf8')
  t.strictSame(dockerfile.validate(text), [])
  t.equal(dockerfile.validate('FROM a\nCPY b c').length, 1)
  const stages = text.split(/^FROM /m).slice(2)
  for (const stage of stages) {
    t.match(stage, /^USER 10001:10001$/m)
    t.match(stage, /^HEALTHCHECK /m)
  }
  // What is copied is there, and is let through.
  const let_through = readFileSync(join(DEPLOY, 'docker/Dockerfile.dockerignore'), 'utf8')
  for (const [, from = ''] of text.matchAll(/^COPY (?!--from)(\S+)/gm)) {
    t.ok(readdirSync(join(ROOT, from, from.includes('.') ? '..' : '')).length > 0)
    t.ok(
      let_through.split('\n').some((line) => line !== '' && `!${from}`.startsWith(line)),
      from,
    )
  }
  t.end()
})

/** By kind: its model, and the module of its type. */
const MODELS = {
  Namespace: [Namespace, 'kubernetes-models/v1'],
  Service: [Service, 'kubernetes-models/v1'],
  ServiceAccount: [ServiceAccount, 'kubernetes-models/v1'],
  StatefulSet: [StatefulSet, 'kubernetes-models/apps/v1'],
  PodDisruptionBudget: [PodDisruptionBudget, 'kubernetes-models/policy/v1'],
  NetworkPolicy: [NetworkPolicy, 'kubernetes-models/networking.k8s.io/v1'],
  ScaledObject: [ScaledObject, '@kubernetes-models/keda/keda.sh/v1alpha1'],
} as const

type Manifest = { kind: keyof typeof MODELS; apiVersion: string }

const manifests = (file: string): Manifest[] =>
  parseAllDocuments(readFileSync(join(DEPLOY, file), 'utf8')).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]
    return document.toJS()
  })

/** Excess properties of literals are errors to TypeScript: so a field that nobody knows is found. */
const asTypeScript = (all: Manifest[]): string =>
  all
    .map((manifest, at) => {
      const [, module] = MODELS[manifest.kind]
      return [
        `import type { I${manifest.kind} as I${at} } from '${module}'`,
        `export const m${at}: I${at} = ${JSON.stringify(manifest, null, 1)}`,
      ].join('\n')
    })
    .join('\n')

function typeErrors(folder: string, all: Manifest[]): string {
  writeFileSync(join(folder, 'manifests.ts'), asTypeScript(all))
  const options = { extends: join(ROOT, 'tsconfig.json'), include: ['manifests.ts'] }
  const plain = { noEmit: true, skipLibCheck: true, exactOptionalPropertyTypes: false }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ ...options, compilerOptions: plain }),
  )
  const tsc = [...BEFORE, join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder]
  const { stdout, stderr } = spawnSync(COMMAND, tsc, { encoding: 'utf8' })
  return `${stdout}${stderr}`
}

test('Kubernetes manifests have the shape that its API has, and no field besides', (t) => {
  const folder = folderOf(t)
  const names = files('kubernetes/*.yaml').filter((file) => basename(file) !== 'kustomization.yaml')
  const all = names.flatMap(manifests)
  t.equal(all.length, 11)
  for (const manifest of all) {
    const [Model] = MODELS[manifest.kind]
    t.equal(manifest.apiVersion, Model.apiVersion)
    t.doesNotThrow(() => new Model(manifest as never).validate(), manifest.kind)
  }
  t.equal(typeErrors(folder, all), '')
  const wrong = structuredClone(all) as never as { spec: Record<string, unknown> }[]
  for (const each of wrong) if (each.spec?.replicas) each.spec.replica = 1
  t.match(typeErrors(folder, wrong as never), /replica"?' does not exist/)

  const listed = readFileSync(join(DEPLOY, 'kubernetes/kustomization.yaml'), 'utf8')
  for (const name of names) t.match(listed, new RegExp(`- ${basename(name)}`))
  t.end()
})

test('PowerShell scripts are well-formed, and read no variable that is not set', async (t) => {
  const scripts = files('**/*.ps1')
  t.equal(scripts.length, 3)
  for (const script of scripts) t.strictSame(await lintPowerShell(join(DEPLOY, script)), [], script)

  const folder = folderOf(t, { 'wrong.ps1': '$a = 1\ngci $b\nif ($a { }\n' })
  const found = (await lintPowerShell(join(folder, 'wrong.ps1'))).join('\n')
  for (const words of ['syntax', 'gci', '$b is read', 'no Set-StrictMode'])
    t.ok(found.includes(words))
})

test('the Windows service is described in well-formed XML', unless('python3'), (t) => {
  const file = join(DEPLOY, 'windows-service/askfirst-slave.xml')
  const parse =
    'import sys, xml.dom.minidom as x; print(x.parse(sys.argv[1]).documentElement.tagName)'
  t.equal(execFileSync('python3', ['-c', parse, file], { encoding: 'utf8' }).trim(), 'service')
  t.end()
})
