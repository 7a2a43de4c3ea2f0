"""The kinds of this slave. To add your own, add a module and its line in KINDS.

The `run` of a kind takes the input, and works in the current folder, which holds the files of the
offer. It returns the result, and the names of the files that it made for the master. A Failure that it
raises is the task's failure; any other exception is the failure `evaluation`.
"""

import importlib.util

from . import grayscale, sleep

KINDS = {"sleep": sleep.run, "image-filter.grayscale": grayscale.run}


def missing():
    """Why some kinds cannot be run here; empty when all can."""
    if importlib.util.find_spec("PIL"):
        return ""
    return "does not offer image-filter.grayscale: Pillow is missing (Debian: apt install python3-pil)"


def offered():
    """The names of the kinds that can be run here."""
    lacks_pillow = missing() != ""
    return [name for name in KINDS if not (lacks_pillow and name.startswith("image-"))]
