"""Keys and requests for certificates, made by the program `openssl`: Python's ssl module cannot."""

import subprocess

from .authority import Unusable


def make_key():
    """A new private key (P-256), as PKCS #8 PEM."""
    curve = "ec_paramgen_curve:P-256"
    return openssl("genpkey", "-algorithm", "EC", "-pkeyopt", curve)


def make_request(key, name):
    """A request for a certificate with that name, signed with the key: PKCS #10 PEM."""
    return openssl("req", "-new", "-sha256", "-key", "/dev/stdin", "-subj", f"/CN={name}", given=key)


def openssl(*words, given=""):
    try:
        done = subprocess.run(
            ["openssl", *words], input=given, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise Unusable("joining needs the program openssl (Debian: apt install openssl)") from error
    if done.returncode != 0:
        raise Unusable(f"openssl {words[0]}: {done.stderr.strip()}")
    return done.stdout
