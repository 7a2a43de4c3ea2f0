"""One run of a program, in its child process: brings its files, starts a launcher, sends what it left.

The current folder is that of the run:

    tmp/work         where the program runs: its HOME, with its files
    tmp              its TMPDIR; with a mount namespace its /tmp, so that it finds itself in /tmp/work
    var-tmp, shm, lock       then stand in place of /var/tmp, /dev/shm and /run/lock
    stdout, stderr   all that it prints, where `outputs` names them
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading

from ..failure import Failure, failed
from ..files.outputs import find_outputs
from ..names import variables_mistake
from .confinement import HIDDEN

LAUNCHER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launcher.py")
WORK = os.path.join("tmp", "work")
ARGUMENT_CHARACTERS_MAX = 131_072
ARGUMENTS_MAX = 10_000
NAME_CHARACTERS_MAX = 255
ANSWER_BYTES_MAX = 2 * 1024 * 1024
# What a launcher may take longer than the limit and the grace of its run, in seconds.
LATE = 30


def run_program(offer, told, bring, send):
    """The outcome of an offer. `told`: see Commands.told. `bring` fetches its files into the current folder;
    `send` uploads files by name, and returns their entries in the outcome. Raises Failure."""
    mistake = input_mistake(offer["input"])
    if mistake:
        raise Failure("rejected-input", mistake)
    if told["path"] is None:
        raise Failure("program-missing", told["missing"])
    outputs = offer.get("outputs", [])
    streams = [name for name in ("stderr", "stdout") if name in outputs]
    os.makedirs(WORK)
    for name, _ in HIDDEN[:-1]:
        os.mkdir(name)
    with contextlib.chdir(WORK):
        bring()
    for name, _ in HIDDEN if told["owner"] else ():
        give_to(told["owner"], name)
    outcome = launch(order_of(offer, told, streams), told["before"])
    is_done = outcome["status"] == "done"
    # A program that failed may have left something all the same.
    if not outputs or not (is_done or outcome["type"] == "exit-code"):
        return outcome
    try:
        files = deliver(outputs, streams, send, lenient=not is_done)
    except Failure:
        if is_done:
            raise
        return outcome  # why it failed says more
    return {**outcome, **({"files": files} if files else {})}


def input_mistake(input):
    """What is wrong with the input of a command; None for a good one (shared/kinds/command.ts)."""
    if not isinstance(input, dict):
        return "the input must be an object"
    unknown = sorted(set(input) - {"program", "args", "stdin", "env"})
    if unknown:
        return f"{unknown[0]} is not a field of the input"
    program, args = input.get("program"), input.get("args", [])
    is_name = is_text(program, NAME_CHARACTERS_MAX) and program and "/" not in program
    if not is_name:
        return 'program must be the name of a program, without "/"'
    is_list = isinstance(args, list) and len(args) <= ARGUMENTS_MAX
    if not is_list or not all(is_text(each, ARGUMENT_CHARACTERS_MAX) for each in args):
        return f"args must be at most {ARGUMENTS_MAX} texts without NUL characters"
    if not isinstance(input.get("stdin", ""), str):
        return "stdin must be text"
    mistake = variables_mistake(input.get("env", {}))
    return f"env {mistake}" if mistake else None


def is_text(value, characters_max):
    return isinstance(value, str) and len(value) <= characters_max and "\0" not in value


def give_to(owner, folder):
    """Gives a folder with everything in it to a user."""
    os.chown(folder, owner["uid"], owner["gid"])
    for path, folders, files in os.walk(folder):
        for name in folders + files:
            os.lchown(os.path.join(path, name), owner["uid"], owner["gid"])


def order_of(offer, told, streams):
    """What the launcher is told. The variables of the input stand over those of the slave, and the secret
    ones over them."""
    input = offer["input"]
    is_hidden = told["hidden"]
    temporary = "/tmp" if is_hidden else os.path.abspath("tmp")
    home = "/tmp/work" if is_hidden else os.path.abspath(WORK)
    return {
        "name": input["program"],
        "path": told["path"],
        "args": input.get("args", []),
        "stdin": input.get("stdin", ""),
        "env": {
            **told["env"],
            "HOME": home,
            "TMPDIR": temporary,
            **input.get("env", {}),
            **offer.get("secretEnv", {}),
            "ASKFIRST_TASK": offer["task"],
            "ASKFIRST_ATTEMPT": offer["attempt"],
        },
        "folder": home,
        "keep": streams,
        "runLimitMs": int(offer["runLimitMs"]),
        **{name: told[name] for name in ("owner", "limits", "containment", "hidden")},
    }


def launch(order, before):
    """Runs a launcher to its end; returns its outcome. SIGTERM stops the program: SIGTERM to its group, then
    SIGKILL after the grace."""
    launcher = subprocess.Popen(
        [*before, sys.executable, "-ISB", LAUNCHER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},  # nothing of the agent's
        start_new_session=True,
    )
    ordered, stopped = threading.Event(), threading.Event()

    def stop(*_):
        stopped.set()
        if ordered.is_set():
            with contextlib.suppress(OSError):
                os.write(launcher.stdin.fileno(), b"stop\n")

    signal.signal(signal.SIGTERM, stop)
    seconds = (order["runLimitMs"] + order["limits"]["graceMs"]) / 1000 + LATE
    late = threading.Timer(min(seconds, threading.TIMEOUT_MAX), launcher.kill)
    late.daemon = True
    late.start()
    with contextlib.suppress(BrokenPipeError):
        launcher.stdin.write(json.dumps(order).encode() + b"\n")
        launcher.stdin.flush()
    ordered.set()
    if stopped.is_set():
        stop()
    line = launcher.stdout.readline(ANSWER_BYTES_MAX)
    status = launcher.wait()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    late.cancel()
    if line.endswith(b"\n"):
        return json.loads(line)
    return failed("executor-crashed", f"the launcher of the program ended with status {status}")


def deliver(outputs, streams, send, lenient):
    """Uploads what the program left; returns the entries in the outcome. What it printed is beside its folder,
    and counts for more than a file of that name."""
    if os.path.islink(WORK) or not os.path.isdir(WORK):  # it may have put anything in its place
        shutil.rmtree("tmp")
        os.makedirs(WORK)
    if os.geteuid() != 0:  # it may have closed folders
        subprocess.run(["chmod", "-R", "u+rwX", "--", WORK], stderr=subprocess.DEVNULL)
    with contextlib.chdir(WORK):
        wanted = [name for name in outputs if name not in streams]
        found = find_outputs(".", wanted, lenient)
        files = send([name for name in found if name not in streams])
    return sorted(files + send(streams), key=lambda file: os.fsencode(file["name"]))
