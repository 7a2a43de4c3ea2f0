"""The cache of blobs by SHA-256, shared by the processes that run tasks. Each blob has a lock file: whoever
fetches or uses the blob holds its lock, so that it is fetched once, and is not removed while it is used.

    folder/blobs/<sha256>    whole and checked; the one whose use is longest ago goes first
    folder/coming/<sha256>   being fetched; <sha256>.room, as long as the blob, takes its room meanwhile
    folder/locks/<sha256>, folder/lock (held while room is made)
"""

import contextlib
import fcntl
import hashlib
import os
import re
import threading
import time

SHA256 = re.compile(r"[0-9a-f]{64}\Z")
# How full it is, is counted anew after this.
LOOK_SECONDS = 1


class Cache:
    def __init__(self, folder, bytes_max):
        self.bytes_max = bytes_max
        self.blobs, self.coming, self.locks = (
            os.path.join(folder, name) for name in ("blobs", "coming", "locks")
        )
        for each in (self.blobs, self.coming, self.locks):
            os.makedirs(each, exist_ok=True)
        self.lock = os.path.join(folder, "lock")
        self.looked = threading.Lock()
        self.seen = (0, -LOOK_SECONDS)

    def state(self):
        """How full it is; counted at most once a second."""
        with self.looked:
            count, at = self.seen
            if time.monotonic() - at >= LOOK_SECONDS:
                count = sum(size for size, _, _ in self.entries())
                self.seen = (count, time.monotonic())
        return {"bytes": count, "bytesMax": self.bytes_max}

    @contextlib.contextmanager
    def held(self, sha256, size, bring):
        """The path of a blob, which stays while the context is open; None when there is no room for it.
        `bring` writes it to a path, checked, when it is not here."""
        if not SHA256.match(sha256) or size > self.bytes_max:
            yield None
            return
        with locked(os.path.join(self.locks, sha256), fcntl.LOCK_EX) as lock:
            path = os.path.join(self.blobs, sha256)
            is_here = is_right(path, sha256, size)
            if not is_here and self.make_room(sha256, size):
                try:
                    bring(os.path.join(self.coming, sha256))
                    os.replace(os.path.join(self.coming, sha256), path)
                    is_here = True
                finally:
                    remove(os.path.join(self.coming, sha256), self.room(sha256))
            if not is_here:
                yield None
                return
            os.utime(path)
            # Others may use it at the same time. Whoever makes room between the two locks may remove it.
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield path if os.path.exists(path) else None

    def room(self, sha256):
        return os.path.join(self.coming, sha256 + ".room")

    def make_room(self, sha256, size):
        """Removes what is not used until there is room, and takes it; returns whether there is."""
        coming = os.path.join(self.coming, sha256)
        remove(os.path.join(self.blobs, sha256), coming, self.room(sha256))
        with locked(self.lock, fcntl.LOCK_EX):
            entries = sorted(self.entries(), key=lambda entry: entry[1])
            total = sum(each for each, _, _ in entries)
            for each, _, name in entries:
                if total + size <= self.bytes_max:
                    break
                if self.remove_unused(name):
                    total -= each
            if total + size > self.bytes_max:
                return False
            with open(self.room(sha256), "wb") as file:
                file.truncate(size)
            return True

    def remove_unused(self, sha256):
        with contextlib.suppress(BlockingIOError):
            with locked(os.path.join(self.locks, sha256), fcntl.LOCK_EX | fcntl.LOCK_NB):
                remove(
                    os.path.join(self.blobs, sha256),
                    os.path.join(self.coming, sha256),
                    self.room(sha256),
                    os.path.join(self.locks, sha256),
                )
                return True
        return False

    def entries(self):
        """Size, time of the last use and SHA-256 of everything that takes room."""
        found = []
        for folder, ending in ((self.blobs, ""), (self.coming, ".room")):
            for entry in os.scandir(folder):
                name = entry.name.removesuffix(ending) if ending else entry.name
                if SHA256.match(name) and entry.name == name + ending:
                    with contextlib.suppress(FileNotFoundError):
                        facts = entry.stat(follow_symlinks=False)
                        found.append((facts.st_size, facts.st_mtime, name))
        return found


def is_right(path, sha256, size):
    """Whether the blob is there and whole: a slave that was killed may have left anything."""
    try:
        if os.path.getsize(path) != size:
            return False
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


@contextlib.contextmanager
def locked(path, how):
    """An open lock file of this name. Another process may have removed the one that was locked."""
    while True:
        with open(path, "ab") as file:
            fcntl.flock(file, how)
            try:
                is_current = os.stat(path).st_ino == os.fstat(file.fileno()).st_ino
            except FileNotFoundError:
                is_current = False
            if is_current:
                yield file
                return


def remove(*paths):
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
