"""Who this slave is: the key and the certificate that it joined with, kept in its data folder and
renewed in time. Speaks TLS by Python's own ssl; what that lacks, a key and a request for a
certificate, the program `openssl` makes. The key is made here and never leaves.

    join line --(the authority is the one that it pins)--> token + request --> certificate
    certificate --(a third of its life)--> renewed, again and again

The folder is as that of our own slave (../identity.ts): one file that is replaced at once, so that
key and certificate always belong together.
"""

import contextlib
import hashlib
import http.client
import ipaddress
import json
import os
import re
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.parse

from exchange import opened

FORM = re.compile(r"(afj_[A-Za-z0-9_-]{43})@(https://[^\s#@/]+)#sha256:([0-9a-f]{64})\Z")
CA_BYTES_MAX = 16_384
# In seconds.
TIMEOUT = 5
RETRY_MIN, RETRY_MAX = 1, 30
# It is looked at least this often whether the certificate grows old.
LOOK_MAX = 30


class Unusable(Exception):
    """No identity can be had this way, and trying again would not help."""


class Refused(Unusable):
    """The right master does not let it in."""


class Misplaced(ValueError):
    """No slave can be at this address, so nothing is asked of it."""


class OtherPeer(OSError):
    """Somebody else answers there."""


class Identity:
    """The identity in a folder; `renew` replaces it."""

    def __init__(self, folder):
        self.folder = folder
        self.server = None
        self.read()

    def read(self):
        with open(os.path.join(self.folder, "identity.json"), encoding="utf-8") as file:
            self.facts = json.load(file)
        self.master = self.facts["master"]
        self.since = time.monotonic()
        self.shown = None
        if self.server:
            self.load(self.server)  # connections from now on are shown the new certificate

    @property
    def client(self):
        """What connections to others need: most tasks make none."""
        if self.shown is None:
            self.shown = self.load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return self.shown

    def load(self, context):
        """Shows this identity, and trusts its authority. Names of hosts are not looked at: who
        answers is read from the certificate."""
        context.check_hostname = False
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(cadata=self.facts["ca"])
        # ssl reads a chain from files only: one that nobody else can read, and gone at once.
        descriptor, path = tempfile.mkstemp(dir=self.folder)
        try:
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(self.facts["key"] + self.facts["cert"])
            context.load_cert_chain(path)
        finally:
            os.remove(path)
        return context

    def server_context(self):
        """Whoever has a certificate shows it."""
        self.server = self.load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        self.server.verify_mode = ssl.CERT_OPTIONAL
        return self.server

    def renewal_is_due(self):
        """A third of its life is over: by the wall clock, which somebody may set back, or by how long
        it is used, which stands still while the machine is suspended."""
        life = self.facts["lifeMs"] / 1000
        is_old = time.time() >= self.facts["expiresAt"] / 1000 - life * 2 / 3
        return is_old or time.monotonic() - self.since >= life / 3

    def look_again_after(self):
        """In seconds. Often, for the wall clock may jump."""
        return min(LOOK_MAX, self.facts["lifeMs"] / 20_000)

    def renew(self):
        key = make_key()
        body = {"request": make_request(key, self.facts["name"])}
        answer = ask(self.master, "/renew", body, self.client)
        write(self.folder, {**self.facts, **kept(answer), "key": key})
        self.read()


def role_of(connection):
    """Who is at the other end of a connection whose chain was verified: role and name, or None."""
    subject = (connection.getpeercert() or {}).get("subject", ())
    said = {key: value for pair in subject for key, value in pair}
    role, name = said.get("organizationalUnitName"), said.get("commonName")
    return (role, name) if role and name else None


# Where no slave can be, though a name may resolve to it (../../shared/address-guard.ts has the reasons).
NEVER = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8 169.254.0.0/16 224.0.0.0/4 240.0.0.0/4 192.0.0.0/24 100.100.100.200/32"
        " 168.63.129.16/32 ::/128 64:ff9b::/96 64:ff9b:1::/48 2002::/16 2001::/32 fe80::/10"
        " fec0::/10 ff00::/8 fd00:ec2::254/128 fd20:ce::254/128"
    ).split()
]


def is_loopback(host):
    return re.fullmatch(r"localhost|::1|127(\.\d{1,3}){3}", host) is not None


def may_hold_slave(address, loopback):
    """Whether a slave can be at this address; at loopback only if this one is."""
    address = ipaddress.ip_address(address.split("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    if address.version == 6 and int(address) >> 32 == 0 and int(address) > 1:
        address = ipaddress.ip_address(int(address))  # ::a.b.c.d
    if address.is_loopback:
        return loopback
    return not any(address in network for network in NEVER)


def guarded(own):
    """What connects to peers, by addresses that other slaves gave: a name is resolved once, looked at,
    and what was looked at is connected to. `own` is the URL of this slave, which may be anywhere."""
    home = urllib.parse.urlsplit(own)

    def create(address, timeout, source=None):
        host, port = address
        if (host, port) == (home.hostname, home.port):
            return socket.create_connection(address, timeout, source)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for *_, place in found:
            if not may_hold_slave(place[0], is_loopback(home.hostname)):
                raise Misplaced(f"{host} is at {place[0]}, which is not where a slave fetches files from")
        return socket.create_connection(found[0][4][:2], timeout, source)

    return create


@contextlib.contextmanager
def connect(url, timeout, identity=None, role="master", create=None):
    """A connection to where `url` is: no proxy is asked, and no redirect followed. Over https whoever
    answers must have that role. `timeout`: seconds for the whole exchange (see Deadline). `create`
    makes the socket, where not just any address will do."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url} is not an http or https URL")
    if parts.scheme == "https":
        if identity is None:
            raise ValueError(f"{url} speaks TLS: join its master first")
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
    """A connection by TLS to somebody of that role; of any, when it is None."""
    connection = http.client.HTTPSConnection(
        parts.hostname, parts.port, timeout=timeout, context=context
    )
    if create:
        connection._create_connection = create
    with opened(connection, timeout, lambda answering: role and assert_role(answering, role)):
        yield connection


def assert_role(socket, role):
    peer = role_of(socket)
    if peer is None or peer[0] != role:
        who = " ".join(peer) if peer else "no member of this cluster"
        raise OtherPeer(f"{who} answers there, not a {role}")


def open_identity(data, name, join, join_file, log):
    """The identity in the folder; or, with a join line that was not used before, a new one. None
    where there is neither."""
    folder = os.path.join(data, "identity")
    path = os.path.join(folder, "identity.json")
    joined = Identity(folder) if os.path.exists(path) else None
    line = read_line(join, join_file, joined is not None)
    if line and (joined is None or joined.facts["token"] != mark_of(line[0])):
        try:
            join_with(folder, name, line, log)
            joined = Identity(folder)
        except Refused as error:
            # A line for many may have been made anew since: whoever has joined stays who it is.
            if joined is None or not is_good(joined.facts, line):
                raise
            log(f"not joined anew, it keeps the identity that it has: {error}")
    if joined is None:
        return None
    if joined.facts["name"] != name:
        raise Unusable(f"{folder} is the identity of {joined.facts['name']}, not of {name}")
    if joined.facts["expiresAt"] <= time.time() * 1000:
        how = f"make a join line for it: askfirst token create --name {name}"
        raise Unusable(f"the certificate in {folder} has expired: {how}")
    return joined


def is_good(facts, line):
    _, master, pin = line
    lasts = facts["expiresAt"] > time.time() * 1000
    return lasts and facts["master"] == master and pin_of(facts["ca"]) == pin


def read_line(join, join_file, is_joined):
    """None where none is given; and where its file is gone or empty, once the slave has joined."""
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
        raise Unusable(f"the join line must be as askfirst token create prints it: {form}")
    return found.groups()


def join_with(folder, name, line, log):
    token, master, pin = line
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # Kept before it is used: a repeated request in the same key is answered again.
    path = os.path.join(folder, f"joining-{mark_of(token)}.pem")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            key = file.read()
    else:
        key = make_key()
        write_secret(path, key)
    ca = patiently(lambda: fetch_authority(master, pin), log)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=ca)
    body = {"token": token, "name": name, "request": make_request(key, name)}
    answer = patiently(lambda: ask(master, "/join", body, context), log)
    facts = {"master": master, "name": name, "token": mark_of(token)}
    write(folder, {**facts, **kept(answer), "key": key, "ca": ca})
    os.remove(path)
    log(f"joined {master}")


def kept(answer):
    return {
        "cert": answer["certificate"],
        "expiresAt": answer["expiresAt"],
        "lifeMs": answer["lifeMs"],
    }


def fetch_authority(master, pin):
    """Nothing that is secret is said before the other side is known to be the one that is pinned."""
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
        words = "is not the master that made this join line; nothing was told to it"
        raise Unusable(f"what answers at {master} {words}")
    return ca


def pin_of(ca):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(ca)).hexdigest()


def ask(master, path, body, context):
    status, said = request(master, "POST", path, json.dumps(body).encode(), context, "master")
    if status == 200:
        return json.loads(said)
    words = f"the master answered {status}: {said[:500].decode('utf-8', 'replace')}"
    if status < 500 and status != 429:
        raise Refused(words)
    raise OSError(words)


def request(master, method, path, body, context, role):
    with secured(urllib.parse.urlsplit(master), TIMEOUT, context, role) as connection:
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(CA_BYTES_MAX)


def patiently(run, log):
    """A master may start later than its slaves; one that refuses will go on refusing."""
    pause = RETRY_MIN
    while True:
        try:
            return run()
        except (OSError, http.client.HTTPException) as error:
            log(f"not joined yet: {error}")
            time.sleep(pause)
            pause = min(RETRY_MAX, pause * 2)


def mark_of(token):
    """A token is known again by this; it says nothing of the token."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def make_key():
    """A new private key (P-256), as PKCS #8 PEM."""
    curve = "ec_paramgen_curve:P-256"
    return openssl("genpkey", "-algorithm", "EC", "-pkeyopt", curve)


def make_request(key, name):
    """A request for a certificate in `name`, signed with the key: PKCS #10 PEM."""
    return openssl("req", "-new", "-sha256", "-key", "/dev/stdin", "-subj", f"/CN={name}", given=key)


def openssl(*words, given=""):
    try:
        done = subprocess.run(
            ["openssl", *words], input=given, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise Unusable("to join needs the program openssl (Debian: apt install openssl)") from error
    if done.returncode != 0:
        raise Unusable(f"openssl {words[0]}: {done.stderr.strip()}")
    return done.stdout


def write(folder, facts):
    write_secret(os.path.join(folder, "identity.json"), json.dumps(facts, indent=1))


def write_secret(path, text):
    """For nobody else's eyes, and replaced at once."""
    with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    os.replace(path + ".new", path)
