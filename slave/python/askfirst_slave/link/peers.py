"""Where a slave connects to peers. Their addresses come from other slaves by way of the master, so each
is checked: a slave must not be made to call elsewhere."""

import ipaddress
import re
import socket
import urllib.parse

# No slave is at these addresses (shared/http/address-guard.ts has the reasons).
NEVER = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8 169.254.0.0/16 224.0.0.0/4 240.0.0.0/4 192.0.0.0/24 100.100.100.200/32"
        " 168.63.129.16/32 ::/128 64:ff9b::/96 64:ff9b:1::/48 2002::/16 2001::/32 fe80::/10"
        " fec0::/10 ff00::/8 fd00:ec2::254/128 fd20:ce::254/128"
    ).split()
]


class Misplaced(ValueError):
    """No slave can be at this address, so no request is sent to it."""


def is_loopback(host):
    return re.fullmatch(r"localhost|::1|127(\.\d{1,3}){3}", host) is not None


def may_hold_slave(address, loopback):
    """Whether a slave can be at this address; at a loopback address only if `loopback`."""
    address = ipaddress.ip_address(address.split("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    if address.version == 6 and int(address) >> 32 == 0 and int(address) > 1:
        address = ipaddress.ip_address(int(address))  # ::a.b.c.d
    if address.is_loopback:
        return loopback
    return not any(address in network for network in NEVER)


def guarded(own):
    """A function that makes sockets to peers, for http.client: it resolves a name once, checks the
    addresses, and connects to the first. `own`: the URL of this slave, which may be anywhere."""
    home = urllib.parse.urlsplit(own)

    def create(address, timeout, source=None):
        host, port = address
        if (host, port) == (home.hostname, home.port):
            return socket.create_connection(address, timeout, source)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for *_, place in found:
            if not may_hold_slave(place[0], is_loopback(home.hostname)):
                words = "which is not in the networks that a slave fetches files from"
                raise Misplaced(f"{host} is at {place[0]}, {words}")
        return socket.create_connection(found[0][4][:2], timeout, source)

    return create
