"""Requests to the certificate authority, which is the master."""

import hashlib
import json
import ssl
import urllib.parse

from ..link.connect import secured

ANSWER_BYTES_MAX = 16_384
# Seconds for a whole exchange.
TIMEOUT = 5


class Unusable(Exception):
    """The slave gets no identity this way, and trying again would not help."""


class NotAdmitted(Unusable):
    """The master refused the request."""


def fetch_authority(master, pin):
    """The certificate of the authority, as PEM. Its SHA-256 must be the pin. The other side is not known
    yet, so the request holds no secret."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    status, said = request(master, "GET", "/ca", None, context, None)
    try:
        ca = said.decode("ascii")
        digest = pin_of(ca)
    except ValueError:
        digest = None
    if status != 200 or digest != pin:
        words = "is not the master that created this join line; no data was sent to it"
        raise Unusable(f"the server at {master} {words}")
    return ca


def pin_of(ca):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(ca)).hexdigest()


def ask(master, path, body, context):
    """One POST to the master; returns the parsed response. Raises NotAdmitted, or OSError when trying
    again may help."""
    status, said = request(master, "POST", path, json.dumps(body).encode(), context, "master")
    if status == 200:
        return json.loads(said)
    words = f"the master answered {status}: {said[:500].decode('utf-8', 'replace')}"
    if status < 500 and status != 429:
        raise NotAdmitted(words)
    raise OSError(words)


def request(master, method, path, body, context, role):
    with secured(urllib.parse.urlsplit(master), TIMEOUT, context, role) as connection:
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_BYTES_MAX)
