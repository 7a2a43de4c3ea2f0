"""How the slave gets its identity: it joins a master by a join line (slave/JOINING.md).

    join line --(GET /ca, checked against the pin)--> token + request --(POST /join)--> certificate
"""

import hashlib
import http.client
import os
import re
import ssl
import time

from ..log import log
from .authority import NotAdmitted, Unusable, ask, fetch_authority, pin_of
from .identity import Identity, certificate_in, write_facts, write_secret
from .openssl import make_key, make_request

FORM = re.compile(r"(afj_[A-Za-z0-9_-]{43})@(https://[^\s#@/]+)#sha256:([0-9a-f]{64})\Z")
# The pause between tries to join, in seconds; doubled each time up to the limit.
RETRY_MIN, RETRY_MAX = 1, 30


def open_identity(data, name, join, join_file):
    """The identity in the folder `data`; with a join line that was not used before, a new one; None
    when there is neither."""
    folder = os.path.join(data, "identity")
    path = os.path.join(folder, "identity.json")
    joined = Identity(folder) if os.path.exists(path) else None
    line = read_line(join, join_file, joined is not None)
    if line and (joined is None or joined.facts["token"] != mark_of(line[0])):
        try:
            join_with(folder, name, line)
            joined = Identity(folder)
        except NotAdmitted as error:
            # A shared join line may have been replaced: a slave that has joined keeps its identity.
            if joined is None or not is_good(joined.facts, line):
                raise
            log(f"cannot join again; the slave keeps its identity: {error}")
    if joined is None:
        return None
    if joined.facts["name"] != name:
        raise Unusable(f"{folder} is the identity of {joined.facts['name']}, not of {name}")
    if joined.facts["expiresAt"] <= time.time() * 1000:
        how = f"create a join line for it: askfirst token create --name {name}"
        raise Unusable(f"the certificate in {folder} has expired: {how}")
    return joined


def is_good(facts, line):
    """Whether this identity has not expired, and is of the master of the join line."""
    _, master, pin = line
    lasts = facts["expiresAt"] > time.time() * 1000
    return lasts and facts["master"] == master and pin_of(facts["ca"]) == pin


def read_line(join, join_file, is_joined):
    """Token, master and pin; None when no line is given, or when the slave has joined already and the
    file is gone or empty."""
    if join is None and join_file is None:
        return None
    text = join
    if text is None:
        try:
            with open(join_file, encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            if is_joined:
                return None
            raise Unusable(f"the join line cannot be read: {error}") from error
    if is_joined and not text.strip():
        return None
    found = FORM.match(text.strip())
    if not found:
        form = "afj_...@https://HOST:PORT#sha256:..."
        raise Unusable(f"the join line must be the line that askfirst token create prints: {form}")
    return found.groups()


def join_with(folder, name, line):
    token, master, pin = line
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # The key is saved before its first use: a repeated request with the same key is answered again.
    path = os.path.join(folder, f"joining-{mark_of(token)}.pem")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            key = file.read()
    else:
        key = make_key()
        write_secret(path, key)
    ca = patiently(lambda: fetch_authority(master, pin))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=ca)
    body = {"token": token, "name": name, "request": make_request(key, name)}
    answer = patiently(lambda: ask(master, "/join", body, context))
    facts = {"master": master, "name": name, "token": mark_of(token)}
    write_facts(folder, {**facts, **certificate_in(answer), "key": key, "ca": ca})
    os.remove(path)
    log(f"joined {master}")


def patiently(run):
    """Repeats a request until the master answers: it may start later than its slaves. A refusal is not
    repeated."""
    pause = RETRY_MIN
    while True:
        try:
            return run()
        except (OSError, http.client.HTTPException) as error:
            log(f"not joined yet: {error}")
            time.sleep(pause)
            pause = min(RETRY_MAX, pause * 2)


def mark_of(token):
    """Identifies a token without revealing it."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]
