"""The settings of the slave, from the command line; checked when it starts."""

import argparse
import os
import re

from .commands.commands import Commands
from .link.peers import is_loopback
from .names import NAME
from .security.authority import Unusable
from .security.joining import open_identity


LEAST = {
    "slots": 1,
    "kill_grace_ms": 0,
    "command_memory_bytes_max": 16 * 1024**2,
    "command_processes_max": 1,
    "command_disk_bytes_max": 1024**2,
}


def read_settings():
    """The settings, with the identity of the slave as `identity`; it may wait for the master to join it.
    Ends the process with status 2 and a message when something is wrong."""
    parser = argparse.ArgumentParser(description="an askfirst slave in Python")
    parser.add_argument("--master", default="http://127.0.0.1:8080", help="URL of the master")
    parser.add_argument("--name", default="python-1", help="unique among the slaves of its master")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=9101, help="0 takes a free port")
    parser.add_argument("--advertise", help="URL at which the master reaches this slave")
    parser.add_argument("--slots", type=int, default=os.cpu_count(), help="number of slots")
    parser.add_argument("--data", required=True, help="folder in which finished results are stored")
    parser.add_argument("--cache-bytes-max", type=int, default=10 * 1024**3, help="maximum size of the cache of input files, in bytes")
    parser.add_argument("--commands", help="programs that clients may run here (slave/COMMANDS.md): names, or name=/absolute/path; any: all programs")
    parser.add_argument("--commands-user", help="user that these programs run as; required with --commands when the slave is root")
    parser.add_argument("--kill-grace-ms", type=int, default=5_000, help="time between SIGTERM and SIGKILL for a program at its time limit or when its task is cancelled, in milliseconds")
    parser.add_argument("--command-memory-bytes-max", type=int, default=4 * 1024**3, help="maximum memory of a run of a program, in bytes")
    parser.add_argument("--command-processes-max", type=int, default=512, help="maximum number of processes and threads of a run of a program")
    parser.add_argument("--command-disk-bytes-max", type=int, default=10 * 1024**3, help="maximum disk space of the files of a run of a program, in bytes")
    parser.add_argument("--drain-ms", type=int, default=30_000, help="maximum time that a stopping slave waits for its tasks")
    parser.add_argument("--join-file", help="file that contains the join line (or set ASKFIRST_JOIN)")
    parser.add_argument("--insecure-no-auth", action="store_true", help="allow an address that is not loopback without authentication")
    given = parser.parse_args()
    if not NAME.match(given.name):
        parser.error("--name: letters, digits, '.', '_', '-', at most 64")
    if not re.match("https?://", given.master):
        parser.error("--master must be an http or https URL")
    for name, least in LEAST.items():
        if getattr(given, name) < least:
            parser.error(f"--{name.replace('_', '-')} must be at least {least}")
    given.data = os.path.abspath(given.data)
    # A secret is never an argument, and tasks do not inherit it.
    join = os.environ.pop("ASKFIRST_JOIN", None)
    try:
        given.identity = open_identity(given.data, given.name, join, given.join_file)
    except Unusable as error:
        parser.error(str(error))
    loopback = is_loopback(given.host)
    if not loopback and not given.insecure_no_auth and not given.identity:
        parser.error("--host is not loopback and there is no authentication: join with a join line")
    if given.identity and (given.advertise or "https").split(":")[0] != "https":
        parser.error("--advertise must be an https URL")
    try:
        given.programs = Commands(given) if given.commands is not None else None
    except ValueError as error:
        parser.error(str(error))
    return given
