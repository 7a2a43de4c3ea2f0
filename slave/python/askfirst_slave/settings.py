"""The settings of the slave, from the command line; checked when it starts."""

import argparse
import os
import re

from .link.peers import is_loopback
from .names import NAME
from .security.authority import Unusable
from .security.joining import open_identity


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
    parser.add_argument("--drain-ms", type=int, default=30_000, help="maximum time that a stopping slave waits for its tasks")
    parser.add_argument("--join-file", help="file that contains the join line (or set ASKFIRST_JOIN)")
    parser.add_argument("--insecure-no-auth", action="store_true", help="allow an address that is not loopback without authentication")
    given = parser.parse_args()
    if not NAME.match(given.name):
        parser.error("--name: letters, digits, '.', '_', '-', at most 64")
    if given.slots < 1:
        parser.error("--slots must be at least 1")
    if not re.match("https?://", given.master):
        parser.error("--master must be an http or https URL")
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
    return given
