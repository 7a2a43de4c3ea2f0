"""Connections to masters and peers: HTTP or TLS, with one deadline for the whole exchange."""

import contextlib
import http.client
import urllib.parse

from .deadline import opened


class OtherPeer(OSError):
    """The process that answers does not have the expected role."""


def path_of(url):
    parts = urllib.parse.urlsplit(url)
    return parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")


@contextlib.contextmanager
def connect(url, timeout, identity=None, role="master", create=None):
    """An open http.client connection to `url`. It uses no proxy and follows no redirect. Over https the
    other side must have a certificate with that role. `timeout`: seconds for the whole exchange (see
    Deadline). `create` makes the socket, where addresses are checked (see peers.py)."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url} is not an http or https URL")
    if parts.scheme == "https":
        if identity is None:
            raise ValueError(f"{url} uses TLS: join its master first")
        with secured(parts, timeout, identity.client, role, create) as connection:
            yield connection
        return
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    if create:
        connection._create_connection = create
    with opened(connection, timeout):
        yield connection


@contextlib.contextmanager
def secured(parts, timeout, context, role, create=None):
    """A TLS connection to a process with that role; with any certificate when the role is None."""
    connection = http.client.HTTPSConnection(
        parts.hostname, parts.port, timeout=timeout, context=context
    )
    if create:
        connection._create_connection = create
    with opened(connection, timeout, lambda answering: role and assert_role(answering, role)):
        yield connection


def role_of(connection):
    """Role and name in the certificate of the other side, whose chain was verified; or None."""
    subject = (connection.getpeercert() or {}).get("subject", ())
    said = {key: value for pair in subject for key, value in pair}
    role, name = said.get("organizationalUnitName"), said.get("commonName")
    return (role, name) if role and name else None


def assert_role(socket, role):
    peer = role_of(socket)
    if peer is None or peer[0] != role:
        who = " ".join(peer) if peer else "a peer outside this cluster"
        raise OtherPeer(f"{who} answers there, not a {role}")
