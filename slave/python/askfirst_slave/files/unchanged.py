"""Whether a file changed while it was read."""

import os

from ..failure import Failure


def version_of(name):
    """Differs after a write that keeps the size; None when there is no such file."""
    try:
        facts = os.lstat(name)
    except FileNotFoundError:
        return None
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino


def check_unchanged(name, version):
    if version_of(name) != version:
        words = "It must not change until the task has ended: submit the task again"
        raise Failure("file-changed", f"{name} changed while it was read. {words}")
