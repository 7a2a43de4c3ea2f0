"""Runs tasks in child processes, one process each, started with child.py. Owns the limits of time and of
the size of a result. A child also ends by itself when the agent is gone (see child.py). The time of a program
is limited by its launcher (see commands/watched.py)."""

import json
import os
import subprocess
import sys
import threading

from ..commands import COMMAND
from ..failure import failed
from ..link.numbers import NUMBERS, write_json

RESULT_BYTES_MAX = 1024 * 1024
CHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child.py")


class Run:
    """One attempt, from the acceptance of its offer to its outcome."""

    def __init__(self, offer):
        self.offer = offer
        self.attempt = offer["attempt"]
        self.lock = threading.Lock()
        self.is_program = offer["kind"] == COMMAND
        self.process = None
        self.killed = False

    def kill(self):
        """Ends the run; its outcome is not wanted."""
        with self.lock:
            self.killed = True
            if self.process:
                self.end()

    def started(self, process):
        with self.lock:
            self.process = process
            if self.killed:
                self.end()

    def end(self):
        # A program gets its grace: its child process ends when the program has.
        self.process.terminate() if self.is_program else self.process.kill()


class Executor:
    def __init__(self, master, identity, url, cache=None, commands=None):
        """What each child is told: the URL of the master, the folder of the identity (None without
        one), the URL of this slave, the folder and size of the cache of files, and what `commands` tells
        of programs."""
        self.told = {"master": master, "identity": identity, "url": url, "cache": cache}
        self.commands = commands

    def compute(self, run, folder):
        """Runs the task in a child whose current folder is `folder`; returns the outcome."""
        order = {**self.told, "offer": run.offer}
        if run.is_program:
            order["command"] = self.commands.told(run.offer)
        process = subprocess.Popen(
            [sys.executable, "-B", CHILD],  # -B as in slave.py: no data in the program folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            start_new_session=True,
        )
        over = threading.Event()
        limit_ms = int(run.offer["runLimitMs"])
        timer = threading.Timer(
            min(limit_ms / 1000, threading.TIMEOUT_MAX),
            lambda: (over.set(), process.kill()),
        )
        timer.daemon = True
        if not run.is_program:
            timer.start()
        run.started(process)
        try:
            line = exchange(process, order)
        finally:
            timer.cancel()
            status = end(process)
        if line.endswith(b"\n"):
            return json.loads(line, **NUMBERS)
        if over.is_set():
            return failed("time-limit", f"ran longer than its limit of {limit_ms} ms")
        if len(line) > RESULT_BYTES_MAX:
            return failed("result-too-large", f"more than {RESULT_BYTES_MAX} bytes")
        return failed("executor-crashed", f"its process ended with status {status}")


def exchange(process, order):
    """Writes the order and reads the line of the outcome. The line is incomplete when the process died,
    or when it is longer than RESULT_BYTES_MAX."""
    try:
        process.stdin.write(write_json(order).encode() + b"\n")
        process.stdin.flush()
        return process.stdout.readline(RESULT_BYTES_MAX + 1)
    except BrokenPipeError:
        return b""


def end(process):
    """Kills the process; returns its exit status."""
    process.kill()
    status = process.wait()
    process.stdout.close()
    try:
        process.stdin.close()
    except BrokenPipeError:  # part of the order was still in the buffer
        pass
    return status
