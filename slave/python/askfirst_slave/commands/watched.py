"""A program under watch: in a session of its own, with limits, and no process of it left at the end.

    started --exit--> all killed --streams closed (or CLOSE_SECONDS)--> ended
       '--limit, stop--> SIGTERM --grace--> SIGKILL --exit--> ...

Threads: the main one waits for the exit; one for each stream, for samples, for the disk, and timers.
"""

import contextlib
import errno
import itertools
import os
import resource
import signal
import subprocess
import threading
import time

from ..failure import failed
from .disk import disk_use
from .output import Output
from .processes import descendants, use_of

# After its end the streams of a program are read for this long, if they do not end.
CLOSE_SECONDS = 1
# The kernel has killed everything within this.
KILL_SECONDS = 10
# The pauses before the first samples of a run, and before the later ones, in seconds.
SAMPLES, SAMPLE = (0.02, 0.04, 0.09), 0.25
DISK_SECONDS = 1
# Looking takes at most this share of the time.
LOOK_SHARE = 0.05


class Watched:
    def __init__(self, order, is_contained):
        self.order = order
        self.limits = order["limits"]
        self.is_contained = is_contained
        self.lock = threading.Lock()
        self.program = None
        # Why it was ended: a type and words.
        self.failure = None
        self.over = threading.Event()
        self.rss_bytes_max = 0

    def run(self):
        """Runs the program to its end; returns the outcome."""
        cpu = cpu_of_ended()
        began = time.monotonic()
        with self.lock:
            if self.failure:  # it was stopped before it started
                return failed(*self.failure)
            try:
                program = self.program = start(self.order, self.limits)
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                return start_failure(self.order["name"], error)
        keep = self.order["keep"]
        streams = [
            Output(stream, name if name in keep else None, self.kill)
            for name, stream in (("stdout", program.stdout), ("stderr", program.stderr))
        ]
        if program.stdin:
            in_thread(feed, program.stdin, bytes_of(self.order["stdin"]))
        in_thread(self.look, self.sample, itertools.chain(SAMPLES, itertools.repeat(SAMPLE)))
        in_thread(self.look, self.check_disk, itertools.repeat(DISK_SECONDS))
        limit_ms = self.order["runLimitMs"]
        words = f"exceeded its limit of {limit_ms} ms"
        after(limit_ms, self.stop, "time-limit", words)

        code = wait_for(program)
        ran_ms = round((time.monotonic() - began) * 1000, 3)
        self.over.set()
        self.reap_all()
        until = time.monotonic() + CLOSE_SECONDS
        for stream in streams:
            stream.join(max(0, until - time.monotonic()))
        if not self.failure:
            self.check_disk()
        stdout, stderr = streams
        return self.outcome_of(
            {
                "exitCode": code if code >= 0 else None,
                "signal": signal_name(-code) if code < 0 else None,
                "stdout": stdout.text(),
                "stderr": stderr.text(),
                "stdoutBytes": stdout.bytes,
                "stderrBytes": stderr.bytes,
                "ranMs": ran_ms,
                "cpuMs": round((cpu_of_ended() - cpu) * 1000, 3),
                "rssBytesMax": self.rss_bytes_max or None,
            }
        )

    # Its end.

    def fail(self, type, words):
        """Only the first failure counts; returns whether this is it."""
        with self.lock:
            is_first = self.failure is None
            if is_first:
                self.failure = (type, words)
            return is_first

    def stop(self, type, words):
        """SIGTERM now, SIGKILL after the grace."""
        if not self.over.is_set() and self.fail(type, words) and self.program:
            with contextlib.suppress(OSError):
                os.killpg(self.program.pid, signal.SIGTERM)
            after(self.limits["graceMs"], self.kill_all)

    def kill(self, type, words):
        self.fail(type, words)
        self.kill_all()

    def kill_all(self):
        # The first process of a namespace may signal all others, and they are only those of the run.
        for pid in [-1] if self.is_contained else descendants():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def reap_all(self):
        """Kills until no process is left: one may fork while the others are killed."""
        until = time.monotonic() + KILL_SECONDS
        with contextlib.suppress(ChildProcessError):  # there is none
            while time.monotonic() < until:
                self.kill_all()
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
                time.sleep(0.002)

    def outcome_of(self, result):
        code, name = result["exitCode"], result["signal"]
        if not self.failure:
            if code == 0:
                return {"status": "done", "result": result}
            how = f"was ended by {name}" if name else f"ended with exit code {code}"
            self.failure = ("exit-code", f"{self.order['name']} {how}")
            if name == "SIGXFSZ":
                self.failure = self.disk_failure()
        more = {"exitCode": code, "signal": name, "result": result}
        return {**failed(*self.failure), **more}

    # Its limits.

    def look(self, act, pauses):
        """Calls `act` after each pause until the program has ended."""
        took = 0
        for pause in pauses:
            # A look that took long is followed by a longer pause.
            rest = took / LOOK_SHARE
            if self.over.wait(max(pause, rest if rest > SAMPLE else 0)):
                return
            began = time.monotonic()
            act()
            took = time.monotonic() - began

    def sample(self):
        use = use_of(descendants())
        self.rss_bytes_max = max(self.rss_bytes_max, use.rss_bytes_max)
        memory, processes = self.limits["memoryBytesMax"], self.limits["processesMax"]
        if use.rss_bytes > memory:
            self.kill("memory-limit", f"exceeded its limit of {memory} bytes")
        elif use.threads > processes:
            self.kill("memory-limit", f"exceeded its limit of {processes} processes")

    def check_disk(self):
        most = self.limits["diskBytesMax"]
        if disk_use(".", most) > most:
            self.kill(*self.disk_failure())

    def disk_failure(self):
        most = self.limits["diskBytesMax"]
        return "disk-limit", f"its files exceeded the limit of {most} bytes, or lay too deep"


def start(order, limits):
    """Starts the program in a session of its own. Raises OSError, ValueError or SubprocessError."""
    owner = order["owner"]
    as_owner = {"user": owner["uid"], "group": owner["gid"], "extra_groups": []} if owner else {}
    return subprocess.Popen(
        [bytes_of(word) for word in (order["path"], *order["args"])],
        cwd=order["folder"],
        env={bytes_of(name): bytes_of(value) for name, value in order["env"].items()},
        stdin=subprocess.PIPE if order["stdin"] else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: prepare(limits),
        **as_owner,
    )


def prepare(limits):
    """In the process that becomes the program: sets its limits, and the signals as a program expects them."""
    for kind, most in (
        # Not the address space: Node, Java and Go reserve far more of it than they use.
        (resource.RLIMIT_DATA, limits["memoryBytesMax"]),
        (resource.RLIMIT_NPROC, limits["userProcessesMax"]),
        (resource.RLIMIT_FSIZE, limits["diskBytesMax"]),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    for number in signal.valid_signals():
        with contextlib.suppress(OSError, ValueError):  # not SIGKILL and SIGSTOP
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def start_failure(name, error):
    if isinstance(error, OSError) and error.errno == errno.E2BIG:
        words = "its arguments and variables are longer than this system allows"
        return failed("rejected-input", words)
    # The machine has no process to give: another one may.
    is_busy = not isinstance(error, OSError) or error.errno in (errno.EAGAIN, errno.ENOMEM)
    type = "executor-crashed" if is_busy else "program-missing"
    why = getattr(error, "strerror", None) or error
    return failed(type, f"{name} could not be started: {why}")


def wait_for(program):
    """Waits until the program has ended, and for orphans meanwhile. Returns its exit code; a negative one is
    a signal."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == program.pid:
            program.returncode = os.waitstatus_to_exitcode(status)
            return program.returncode


def feed(stream, text):
    """Writes the standard input of a program, which need not read it."""
    with contextlib.suppress(OSError):
        with stream:
            stream.write(text)


def cpu_of_ended():
    """Seconds of processor time that processes have taken that this one has waited for."""
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return use.ru_utime + use.ru_stime


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"


def after(ms, act, *args):
    timer = threading.Timer(min(ms / 1000, threading.TIMEOUT_MAX), act, args)
    timer.daemon = True
    timer.start()


def in_thread(act, *args):
    threading.Thread(target=act, args=args, daemon=True).start()


def bytes_of(text):
    return text.encode("utf-8", "replace")
