"""Fetches the files of an offer from the master, or from the peer that has them. Blobs of the master stay in
the cache; after a connection that broke, the rest is fetched."""

import errno
import hashlib
import http.client
import itertools
import os
import shutil

from ..failure import Failure
from ..link.connect import connect, path_of
from ..link.exchange import Refused, is_final
from ..link.peers import Misplaced, guarded
from .paths import path_mistake
from .rest import TRANSFER_TIMEOUT, rest

FILE_BYTES_MAX = 1024 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
FETCH_TRIES = 4
# Errors of this machine, not of the other side.
LOCAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE)


def fetch(file, master, identity, own, cache):
    """Brings one file of the offer into the current folder, under its path."""
    name, url = (file.get("name"), file.get("url")) if isinstance(file, dict) else (None, None)
    if not isinstance(name, str) or not isinstance(url, str):
        raise Failure("rejected-input", "a file of the offer needs a name and a url")
    mistake = path_mistake(name)
    if mistake:
        raise Failure("missing-file", f"the name of a file {mistake}: {name!r}", [name[:256]])
    if os.path.dirname(name):
        os.makedirs(os.path.dirname(name), exist_ok=True)
    if url.startswith("/") and "sha256" in file and "bytes" in file:
        bring = lambda path: download_to(path, file, master, identity, own)  # noqa: E731
        with cache.held(file["sha256"], file["bytes"], bring) as path:
            if path:
                shutil.copyfile(path, name)  # the task may change its files
                return
    download_to(name, file, master, identity, own)


def download_to(path, file, master, identity, own):
    """Downloads a file, and checks its length and SHA-256. While the master is away it tries until the run
    limit; otherwise FETCH_TRIES times (rule files-retried)."""
    name, url = file["name"], file["url"]
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
                return download(connection, path, url, headers, file)
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


def download(connection, path, url, headers, file):
    """Downloads what follows the bytes that an earlier try left, if the server sends parts."""
    most = file.get("bytes", FILE_BYTES_MAX)
    have = os.path.getsize(path) if "sha256" in file and os.path.exists(path) else 0
    if 0 < have < most:
        headers = {**headers, "Range": f"bytes={have}-"}
    connection.request("GET", path_of(url), headers=headers)
    answer = connection.getresponse()
    rest = answer.getheader("Content-Range", "").startswith(f"bytes {have}-")
    is_rest = answer.status == 206 and 0 < have < most and rest
    if have and answer.status in (206, 416) and not is_rest:
        os.remove(path)  # the next try fetches all of it
        raise ValueError(f"was answered {answer.status} to a range")
    if answer.status != 200 and not is_rest:
        raise Refused(answer.status, answer.read(4096))
    digest = hashlib.sha256()
    count = 0
    if is_rest:
        with open(path, "rb") as known:
            digest = hashlib.file_digest(known, "sha256")
            count = have
    with open(path, "ab" if is_rest else "wb") as target:
        while chunk := answer.read(CHUNK_BYTES):
            count += len(chunk)
            if count > most:
                raise ValueError(f"is longer than {most} bytes")
            digest.update(chunk)
            target.write(chunk)
    if answer.length:  # the connection ended early
        raise http.client.IncompleteRead(b"", answer.length)
    if count != file.get("bytes", count):
        os.remove(path)
        raise ValueError(f"has {count} bytes instead of {most}")
    if digest.hexdigest() != file.get("sha256", digest.hexdigest()):
        os.remove(path)
        raise ValueError(f"has the SHA-256 {digest.hexdigest()} instead of {file['sha256']}")
