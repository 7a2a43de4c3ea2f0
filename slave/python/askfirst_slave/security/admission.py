"""Who may ask the slave what. With an identity, the master is known by its certificate. Without one, all
that can be kept out is a browser that is misused by a page."""

import re

from ..link.connect import role_of
from ..problem import Problem

FORBIDDEN = "The caller is not authorized to do this."
# No site outside can have a name that ends with one of these.
PRIVATE = ("localhost", "local", "lan", "internal", "home", "corp", "arpa", "localdomain")


def assert_master(connection):
    peer = role_of(connection)
    if peer is None:
        title = "Authentication is required."
        raise Problem("this request needs the certificate of a master of this cluster", 401, title)
    if peer[0] != "master":
        raise Problem(f"this request needs the certificate of a master; the peer is {peer[1]}", 403, FORBIDDEN)


def keep_pages_out(headers, hostname):
    """Refuses requests that pages make through a browser: those have an Origin, or a public host name
    that was rebound to this address. `hostname`: the name in the URL of this slave."""
    host = headers.get("Host", "")  # browsers send it; a health check by HTTP/1.0 need not
    name = re.sub(r":[0-9]{1,5}$", "", host).strip("[]").lower()
    if host and not is_private(name) and name != hostname:
        raise Problem(f"{host} may be the name of another host: see --advertise", 403, FORBIDDEN)
    site = headers.get("Sec-Fetch-Site")
    if "Origin" in headers or site in ("cross-site", "same-site"):
        raise Problem("a page of another site is not allowed to send this request", 403, FORBIDDEN)


def is_private(name):
    """Whether it is an address, or a name that no site outside can have."""
    if re.fullmatch(r"[0-9a-f]*:[0-9a-f:.]*|[0-9]{1,3}(\.[0-9]{1,3}){3}", name):
        return True
    labels = name.split(".")
    return name != "" and (len(labels) == 1 or labels[-1] in PRIVATE)
