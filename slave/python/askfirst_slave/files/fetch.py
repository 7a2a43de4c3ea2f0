"""Fetches the files of an offer from the master, or from the peer that has them."""

import errno
import hashlib
import http.client
import itertools
import re

from ..failure import Failure
from ..link.connect import connect, path_of
from ..link.exchange import Refused, is_final
from ..link.peers import Misplaced, guarded
from .rest import TRANSFER_TIMEOUT, rest

FILE_BYTES_MAX = 1024 * 1024 * 1024
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
CHUNK_BYTES = 256 * 1024
FETCH_TRIES = 4
# Errors of this machine, not of the other side.
LOCAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE)


def fetch(file, master, identity, own):
    """Downloads one file of the offer into the current folder, and checks its length and SHA-256. While
    the master is away it tries until the run limit; otherwise FETCH_TRIES times (rule files-retried)."""
    name, url = (file.get("name"), file.get("url")) if isinstance(file, dict) else (None, None)
    if not isinstance(name, str) or not FILE_NAME.match(name) or not isinstance(url, str):
        raise Failure("rejected-input", "a file of the offer needs a name and a url")
    headers = {}
    role, create = "slave", guarded(own)
    if url.startswith("/"):
        url, role, create = master + url, "master", None
    elif file.get("ticket"):
        # A ticket is only for the slave that has the file (rule files-ticket).
        headers["Authorization"] = f"Bearer {file['ticket']}"
    tries = 0
    for attempt in itertools.count():
        if attempt > 0:
            rest(attempt)
        try:
            with connect(url, TRANSFER_TIMEOUT, identity, role, create) as connection:
                return download(connection, name, url, headers, file)
        except Refused as refused:
            last = refused
            if is_final(refused):
                break
            is_away = refused.status in (429, 502, 503, 504)
        except Misplaced as error:
            last = error
            break
        except (OSError, ValueError, http.client.HTTPException) as error:
            last = error
            is_away = not isinstance(error, ValueError) and getattr(error, "errno", 0) not in LOCAL
        # The master comes back; a peer that is away has lost the file.
        tries += not (role == "master" and is_away)
        if tries >= FETCH_TRIES:
            break
    raise Failure("missing-file", f"{name} could not be fetched from {url}: {last}", [name])


def download(connection, name, url, headers, file):
    most = file.get("bytes", FILE_BYTES_MAX)
    digest = hashlib.sha256()
    count = 0
    with open(name, "wb") as target:
        connection.request("GET", path_of(url), headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise Refused(answer.status, answer.read(4096))
        while chunk := answer.read(CHUNK_BYTES):
            count += len(chunk)
            if count > most:
                raise ValueError(f"is longer than {most} bytes")
            digest.update(chunk)
            target.write(chunk)
    if answer.length:  # the connection ended early
        raise http.client.IncompleteRead(b"", answer.length)
    if count != file.get("bytes", count):
        raise ValueError(f"has {count} bytes instead of {most}")
    if digest.hexdigest() != file.get("sha256", digest.hexdigest()):
        raise ValueError(f"has the SHA-256 {digest.hexdigest()} instead of {file['sha256']}")
