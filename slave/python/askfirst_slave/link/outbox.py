"""The outbox: callbacks that the master has not acknowledged, in memory and on disk.

On disk each is one small file, synced before any other process learns of the outcome, so that a result
outlives the slave process (rule kept-outbox).
"""

import hashlib
import itertools
import json
import os

from ..log import log
from .numbers import NUMBERS, write_json


class Outbox:
    """`save` needs no lock; for all else the caller holds the agent's lock."""

    def __init__(self, folder):
        """Reads what an earlier run of the slave left in the folder."""
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.waiting = {callback["attempt"]: callback for callback in self.kept()}

    def __len__(self):
        return len(self.waiting)

    def all(self):
        return self.waiting.values()

    def first(self, count):
        return list(itertools.islice(self.waiting.values(), count))

    def save(self, callback):
        """Writes a callback to disk, or logs why it cannot."""
        try:
            self.write(callback)
        except OSError as error:
            log(f"cannot store an outcome on disk; it is kept in memory: {error}")

    def add(self, callback):
        self.waiting[callback["attempt"]] = callback

    def remove(self, attempt):
        del self.waiting[attempt]
        self.discard(attempt)

    # The files.

    def discard(self, attempt):
        """Removes the file of an attempt, if there is one."""
        try:
            os.remove(self.path(attempt))
        except FileNotFoundError:
            pass

    def path(self, attempt):
        digest = hashlib.sha256(attempt.encode("utf-8", "surrogatepass"))
        return os.path.join(self.folder, digest.hexdigest() + ".json")

    def write(self, callback):
        path = self.path(callback["attempt"])
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(write_json(callback))
            file.flush()
            os.fsync(file.fileno())
        os.replace(path + ".new", path)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def kept(self):
        callbacks = []
        for name in sorted(os.listdir(self.folder)):
            if not name.endswith(".json"):
                continue
            try:
                with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                    callbacks.append(json.load(file, **NUMBERS))
            except ValueError:
                log(f"{name} in {self.folder} is damaged and is skipped")
        return callbacks
