// Programs that do what they should not, and how a run of each must end. Perl, because it is on every
// Debian, starts fast and calls the kernel directly.

import { constants } from 'node:os'
import type { CommandInput } from '../../../shared/kinds/command.ts'
import type { FailureType } from '../../../shared/protocol/wire.ts'

/** What the table supposes of the slave's settings. */
export const GRACE_MS = 300
export const MEMORY_BYTES_MAX = 256 * 1024 ** 2
export const DISK_BYTES_MAX = 32 * 1024 ** 2
export const PROCESSES_MAX = 40

export type Rogue = {
  /** It ... */
  does: string
  input: CommandInput
  runLimitMs: number
  /** `done`, or one of these failures. */
  ends: 'done' | FailureType[]
  /** The signal that ends it. */
  signal?: string
  /** Of its standard output. */
  prints?: RegExp
}

/** Time enough for what must end by itself. In milliseconds. */
const AMPLE_MS = 60_000
const SHORT_MS = 700

const perl = (code: string, ...args: string[]): CommandInput => ({
  program: 'perl',
  args: ['-MPOSIX', '-e', code, ...args],
})
const sh = (script: string): CommandInput => ({ program: 'sh', args: ['-c', script] })
const atLimit = { runLimitMs: SHORT_MS, ends: ['time-limit'] as FailureType[] }
const byItself = { runLimitMs: AMPLE_MS, ends: 'done' as const }

/** `mark`: stands in the command line of every process and the name of every file that it leaves. */
export function roguesOf(mark: string, data: string): Rogue[] {
  const sleeper = `exec { "perl" } "perl", "-e", "sleep 1000", "${mark}"`
  return [
    {
      does: 'ignores SIGTERM',
      input: perl('$SIG{TERM} = "IGNORE"; sleep 1 while 1', mark),
      ...atLimit,
      signal: 'SIGKILL',
    },
    {
      does: 'obeys SIGTERM',
      input: perl('sleep 1000', mark),
      ...atLimit,
      signal: 'SIGTERM',
    },
    {
      does: 'forks twice, daemonizes with setsid and clears its environment',
      input: perl(
        `exit if fork; setsid; exit if fork; %ENV = (PATH => "/usr/bin"); chdir "/";
         open STDIN, "<", "/dev/null"; open STDOUT, ">", "/dev/null"; open STDERR, ">", "/dev/null";
         ${sleeper}`,
      ),
      ...byItself,
    },
    {
      does: 'goes on in a daemon that ignores SIGTERM, at its limit',
      input: perl(
        `if (!fork) { setsid; $SIG{TERM} = "IGNORE"; %ENV = (PATH => "/usr/bin"); ${sleeper} } sleep 1000`,
      ),
      ...atLimit,
    },
    {
      does: 'is a fork bomb',
      input: perl('while (1) { fork }', mark),
      runLimitMs: 3000,
      ends: ['memory-limit', 'time-limit'],
    },
    {
      does: 'fills the disk with one file',
      input: perl(`open F, ">", "${mark}" or die; syswrite F, "x" x 1048576 while 1`),
      runLimitMs: AMPLE_MS,
      ends: ['disk-limit'],
    },
    {
      does: 'fills the disk with many files',
      input: perl(
        `mkdir "d"; for (1..100) { open F, ">", "d/$_.${mark}" or die; print F "x" x 1048576; close F } sleep 1000`,
      ),
      runLimitMs: AMPLE_MS,
      ends: ['disk-limit'],
    },
    {
      does: 'fills the disk with empty files in the folder for temporary ones',
      input: perl(
        `chdir $ENV{TMPDIR}; for (1..40000) { open F, ">", "$_.${mark}"; close F } sleep 1000`,
      ),
      runLimitMs: AMPLE_MS,
      ends: ['disk-limit'],
    },
    {
      does: 'fills the memory',
      input: perl('my @x; push @x, "x" x 10485760 while 1', mark),
      runLimitMs: AMPLE_MS,
      ends: ['exit-code', 'memory-limit'],
    },
    {
      does: 'fills the memory with many processes',
      input: perl('for (1..8) { fork or last } my $x = "x" x 83886080; sleep 1000', mark),
      runLimitMs: AMPLE_MS,
      ends: ['memory-limit'],
    },
    {
      does: 'prints lines without end',
      input: perl('print "line\\n" while 1', mark),
      ...atLimit,
      prints: /^(ne\n|e\n|ine\n|\n)?(line\n){10000,}/,
    },
    {
      does: 'prints without line feeds and without end',
      input: perl('print "x" x 65536 while 1', mark),
      ...atLimit,
      prints: /^x{65536}$/,
    },
    {
      does: 'prints bytes that are no text',
      input: perl('print "\\xff\\x00\\xc3"', mark),
      ...byItself,
      prints: /^\ufffd\0\ufffd$/,
    },
    { does: 'reads an empty standard input', input: { program: 'cat' }, ...byItself, prints: /^$/ },
    {
      does: 'closes its standard input and reads it',
      input: sh('exec <&-; cat'),
      runLimitMs: AMPLE_MS,
      ends: ['exit-code'],
    },
    {
      does: 'does not read its long standard input',
      input: { program: 'true', stdin: 'x'.repeat(1_000_000) },
      ...byItself,
    },
    {
      does: 'closes its output and goes on',
      input: sh('exec >&- 2>&-; sleep 1000'),
      ...atLimit,
    },
    {
      does: 'leaves a FIFO, a socket and a device-like name',
      input: perl(
        `use Socket; mkfifo "${mark}", 0666 or die; socket S, AF_UNIX, SOCK_STREAM, 0;
         bind S, sockaddr_un("s${mark}") or die; mkdir "CON"`,
      ),
      ...byItself,
    },
    {
      does: 'deletes its folder',
      input: sh('rm -rf "$PWD"; cd /; ls "$HOME" || true'),
      ...byItself,
    },
    {
      does: 'puts a link in the place of its folder',
      input: sh('cd ..; rm -rf "$HOME"; ln -s /etc "$HOME" || true'),
      ...byItself,
    },
    {
      does: 'writes through links',
      input: sh(
        `for f in /etc/passwd ${data}/canary; do ln -s $f s; echo ${mark} >> s; ln $f h && echo ${mark} >> h; rm -f s h; done; true`,
      ),
      ...byItself,
    },
    {
      does: 'leaves files wherever it can, some with names that are no text',
      input: perl(
        `for my $d ("/tmp", "/var/tmp", "/dev/shm", "/run/lock", $ENV{TMPDIR}, ".") {
           mkdir "$d/${mark}"; open F, ">", "$d/${mark}/\\xff\\xfe"; print F "x"; close F }`,
      ),
      ...byItself,
    },
    {
      does: 'makes folders that nobody may open',
      input: perl(`mkdir "${mark}"; mkdir "${mark}/in"; chmod 0, "${mark}/in", "${mark}"`),
      ...byItself,
    },
    {
      does: 'makes shared memory and a queue of messages',
      input: perl('shmget(42, 4096, 01666) // die; msgget(42, 01666) // die', mark),
      ...byItself,
    },
    {
      does: 'nests folders deeply',
      input: perl(
        `for (1..300) { mkdir "deep-deep-deep"; chdir "deep-deep-deep" } mkdir "${mark}"; mkdir "${mark}/in"; chmod 0, "${mark}"`,
      ),
      runLimitMs: AMPLE_MS,
      ends: ['disk-limit'],
    },
    {
      does: 'changes its process group and ignores SIGTERM',
      input: perl(
        'if (!fork) { setpgid(0, 0); $SIG{TERM} = "IGNORE"; sleep 1 while 1 } setpgid(0, 0); sleep 1 while 1',
        mark,
      ),
      ...atLimit,
    },
    {
      does: 'holds the pipe open after its end',
      input: perl(`exit if fork; ${sleeper}`),
      ...byItself,
    },
    {
      does: 'stops itself',
      input: perl('kill "STOP", $$; sleep 1000', mark),
      ...atLimit,
      signal: 'SIGKILL',
    },
    {
      does: 'sends SIGKILL to everything that it may',
      input: perl(
        'kill "KILL", -1; kill "KILL", 1; kill "KILL", getppid(); sleep 1; print "alive"',
        mark,
      ),
      ...byItself,
      prints: /^alive$/,
    },
    {
      does: 'looks for other processes',
      input: sh(
        'for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; tr "\\0" "\\n" < $p/environ; done 2>/dev/null; true',
      ),
      ...byItself,
    },
    {
      does: "uses the agent's file descriptors",
      input: perl('for (3..20) { open F, ">&=", $_ and print F "{}\\n" } print "tried"', mark),
      ...byItself,
      prints: /^tried$/,
    },
    {
      does: "reads the agent's data",
      input: sh(`cat ${data}/canary ${data}/* ; ls -R ${data}; cat /proc/1/environ; true`),
      ...byItself,
    },
    {
      does: 'cannot be executed',
      input: { program: 'broken-interpreter' },
      runLimitMs: AMPLE_MS,
      ends: ['program-missing'],
    },
    ...signalsOf(mark),
  ]
}

/** Ends by each signal that ends a program. */
function signalsOf(mark: string): Rogue[] {
  const harmless = ['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH']
  const stopping = ['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGSTKFLT', 'SIGUNUSED']
  const once = new Set<number>()
  return Object.entries(constants.signals).flatMap(([signal, number]) => {
    if (harmless.includes(signal) || stopping.includes(signal) || once.has(number)) return []
    once.add(number)
    return {
      does: `ends by ${signal}`,
      input: sh(`kill -${number} $$; sleep 1000; : ${mark}`),
      runLimitMs: AMPLE_MS,
      ends: signal === 'SIGXFSZ' ? ['disk-limit'] : ['exit-code'],
      signal,
    } satisfies Rogue
  })
}
