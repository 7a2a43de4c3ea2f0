"""Uploads files that a task made to the master."""

import hashlib
import http.client
import itertools
import json
import os

from ..failure import Failure
from ..link.connect import connect, path_of
from ..link.exchange import Refused, is_final
from .rest import TRANSFER_TIMEOUT, rest
from .outputs import check_output
from .unchanged import check_unchanged, version_of

# For files of this length it is worth asking whether the master has the bytes.
ASKED_BYTES_MIN = 64 * 1024


def upload(name, master, identity):
    """Uploads one file; returns its entry in the outcome. It tries until the run limit, because the
    result has been computed."""
    check_output(".", name)
    version = version_of(name)
    size = os.path.getsize(name)
    with open(name, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    type = "image/png" if name.endswith(".png") else "application/octet-stream"
    for attempt in itertools.count(1):
        try:
            if size >= ASKED_BYTES_MIN and is_there(sha256, master, identity):
                check_unchanged(name, version)
                return {"name": name, "bytes": size, "sha256": sha256, "type": type}
            with connect(master, TRANSFER_TIMEOUT, identity) as connection, open(name, "rb") as file:
                headers = {"Content-Type": type, "Content-Length": str(size)}
                connection.request("PUT", path_of(master) + "/blobs", file, headers)
                answer = connection.getresponse()
                said = answer.read(64 * 1024)
                if answer.status not in (200, 201):
                    raise Refused(answer.status, said)
            check_unchanged(name, version)
            if json.loads(said)["sha256"] != sha256:
                raise ValueError("the SHA-256 at the master does not match")
            return {"name": name, "bytes": size, "sha256": sha256, "type": type}
        except Refused as refused:
            if is_final(refused):
                kind = "result-too-large" if refused.status == 413 else "evaluation"
                raise Failure(kind, f"the master rejects {name}: {refused}") from refused
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            pass
        check_unchanged(name, version)
        rest(attempt)


def is_there(sha256, master, identity):
    with connect(master, TRANSFER_TIMEOUT, identity) as connection:
        connection.request("HEAD", f"{path_of(master)}/blobs/{sha256}")
        return connection.getresponse().status == 200
