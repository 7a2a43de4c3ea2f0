"""The program of a launcher: starts one program and watches it, so that no other process of the slave does.
In a PID namespace it is the first process: all others end with it, and it sees them all. Without one, whoever
lost its parent becomes its child (see `adopt`), so that it finds them all, too.

It reads one line of JSON from standard input, the order (see program_run.py), and writes one line, the
outcome. A second line stops the program; the end of standard input ends everything. Its current folder is
that of the run.
"""

import ctypes
import json
import os
import signal
import sys
import threading

if __name__ == "__main__":
    # An isolated Python has no folder of the program on its path; the package is two folders up.
    sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))]

from askfirst_slave.commands.confinement import HIDDEN  # noqa: E402
from askfirst_slave.commands.watched import Watched  # noqa: E402

PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
MS_BIND = 4096


def main():
    # Handlers, because a program inherits signals that are ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    os.umask(0o022)  # the agent's is stricter
    order = json.loads(sys.stdin.buffer.readline())
    is_contained = order["containment"] == "pid-namespace"
    if is_contained and os.getpid() != 1:
        raise RuntimeError("is not the first of its namespace")
    prefer_to_die()
    adopt()
    if order["hidden"]:
        hide()
    watched = Watched(order, is_contained)
    threading.Thread(target=obey, args=(watched,), daemon=True).start()
    print(json.dumps(watched.run()), flush=True)
    os._exit(0)


def prefer_to_die():
    """Programs inherit it: out of memory, the kernel ends them before the agent."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:  # not Linux
        pass


def adopt():
    """Orphans become children of this process, and set-user-ID programs such as sudo give no rights."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        for option in (PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS):
            if libc.prctl(option, *map(ctypes.c_ulong, (1, 0, 0, 0))):
                raise OSError(ctypes.get_errno(), "prctl")


def hide():
    """From now on the folders of this run stand in place of those that all programs can write to."""
    libc = ctypes.CDLL(None, use_errno=True)
    for name, place in HIDDEN:
        if os.path.exists(place):
            given = name.encode(), place.encode(), None, ctypes.c_ulong(MS_BIND), None
            if libc.mount(*given):
                raise OSError(ctypes.get_errno(), "mount", place)


def obey(watched):
    if sys.stdin.buffer.readline():
        watched.stop("executor-crashed", "was stopped")
        sys.stdin.buffer.read()
    watched.kill_all()  # the agent is gone
    os._exit(1)


if __name__ == "__main__":
    main()
