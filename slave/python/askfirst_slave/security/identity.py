"""Who this slave is: its key and certificate, in its data folder. Owns the TLS contexts made from them.

The folder has the form of the TypeScript slave's (slave/security/identity.ts): one file that is
replaced in one step, so that key and certificate always belong together. The key never leaves it.
"""

import json
import os
import ssl
import tempfile
import time

from .authority import ask
from .openssl import make_key, make_request

# The certificate's age is checked at least this often, in seconds.
LOOK_MAX = 30


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
            self.load(self.server)  # new connections get the new certificate

    @property
    def client(self):
        """The context of connections to others. Made when it is first needed: most tasks need none."""
        if self.shown is None:
            self.shown = self.load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return self.shown

    def load(self, context):
        """Puts the certificate and its authority into a context. Host names are not compared: the role
        in the other side's certificate counts."""
        context.check_hostname = False
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(cadata=self.facts["ca"])
        # ssl reads a chain from files only: from one that only this user can read, removed at once.
        descriptor, path = tempfile.mkstemp(dir=self.folder)
        try:
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(self.facts["key"] + self.facts["cert"])
            context.load_cert_chain(path)
        finally:
            os.remove(path)
        return context

    def server_context(self):
        """The context of the slave's server. Clients may have a certificate or not: see admission.py."""
        self.server = self.load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        self.server.verify_mode = ssl.CERT_OPTIONAL
        return self.server

    def renewal_is_due(self):
        """Whether a third of the certificate's life is over, by either clock: the wall clock can be set
        back, and the monotonic clock stands still while the machine is suspended."""
        life = self.facts["lifeMs"] / 1000
        is_old = time.time() >= self.facts["expiresAt"] / 1000 - life * 2 / 3
        return is_old or time.monotonic() - self.since >= life / 3

    def look_again_after(self):
        """Seconds until the next check. Short, because the wall clock may jump."""
        return min(LOOK_MAX, self.facts["lifeMs"] / 20_000)

    def renew(self):
        key = make_key()
        body = {"request": make_request(key, self.facts["name"])}
        answer = ask(self.master, "/renew", body, self.client)
        write_facts(self.folder, {**self.facts, **certificate_in(answer), "key": key})
        self.read()


def certificate_in(answer):
    return {
        "cert": answer["certificate"],
        "expiresAt": answer["expiresAt"],
        "lifeMs": answer["lifeMs"],
    }


def write_facts(folder, facts):
    write_secret(os.path.join(folder, "identity.json"), json.dumps(facts, indent=1))


def write_secret(path, text):
    """Replaces a file in one step; only this user can read it."""
    with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    os.replace(path + ".new", path)
