"""The program of a child process: computes one task.

It reads one line of JSON from standard input, the offer and what the executor tells with it, and writes
one line, the outcome, to standard output. Its current folder holds the files of the task. The executor
kills it when the attempt is revoked or over its limit. When the agent is gone, standard input ends, and
so does this process.
"""

import json
import os
import sys
import threading

if __name__ == "__main__":
    # Python puts the folder of a program first on the path; the package is two folders up.
    sys.path[0] = os.path.dirname(os.path.dirname(sys.path[0]))

from askfirst_slave.commands import COMMAND  # noqa: E402
from askfirst_slave.commands.program_run import run_program  # noqa: E402
from askfirst_slave.files.cache import Cache  # noqa: E402
from askfirst_slave.files.fetch import fetch  # noqa: E402
from askfirst_slave.files.outputs import find_outputs  # noqa: E402
from askfirst_slave.files.upload import upload  # noqa: E402
from askfirst_slave.kinds import KINDS  # noqa: E402
from askfirst_slave.failure import Failure, failed  # noqa: E402
from askfirst_slave.link.numbers import NUMBERS, noting, write_json  # noqa: E402
from askfirst_slave.security.identity import Identity  # noqa: E402


def run(offer, master, identity, own, cache, command=None):
    """The outcome of an offer. `identity`: the folder of the slave's identity, or None; `own`: the URL
    of the slave; `cache`: its folder and size; `command`: see Commands.told."""
    try:
        identity = Identity(identity) if identity else None

        def bring():
            for file in offer.get("files", []):
                fetch(file, master, identity, own, Cache(*cache))

        def send(names):
            return [upload(name, master, identity) for name in names]

        if offer["kind"] == COMMAND:
            return run_program(offer, command, bring, send)
        bring()
        result, names = KINDS[offer["kind"]](offer["input"])
        if "outputs" in offer:
            names = find_outputs(".", offer["outputs"])
        files = send(names)
        return {"status": "done", "result": result, **({"files": files} if files else {})}
    except Failure as failure:
        return failed(failure.type, failure, failure.missing)
    except MemoryError:
        return failed("memory-limit", "not enough memory for this task")
    except Exception as error:
        return failed("evaluation", f"{type(error).__name__}: {error}")


def die_with_the_agent():
    os.read(0, 1)  # the agent sends nothing more: this returns at the end of standard input
    os._exit(1)


def main():
    lost = []  # numbers that could not be read (see read_float), by the agent or here
    numbers = {name: noting(read, lost) for name, read in NUMBERS.items()}
    order = json.loads(sys.stdin.buffer.readline(), parse_constant=lost.append, **numbers)
    threading.Thread(target=die_with_the_agent, daemon=True).start()
    # What a library prints is not the outcome: it goes to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if lost:
        words = "a number of the input exceeds the range of a float: write it as text"
        outcome = failed("rejected-input", words)
    else:
        told = (order.get(name) for name in ("master", "identity", "url", "cache", "command"))
        outcome = run(order["offer"], *told)
    try:
        line = write_json(outcome, allow_nan=False)
    except (TypeError, ValueError) as error:
        line = json.dumps(failed("evaluation", f"the result is not JSON: {error}"))
    print(line, file=answers, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
