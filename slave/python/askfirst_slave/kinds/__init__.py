"""The kinds of this slave. To add your own, add a module and its line in KINDS.

The `run` of a kind takes the input, and works in the current folder, which holds the files of the
offer. It returns the result, and the names of the files that it made for the master. A Failure that it
raises is the task's failure; any other exception is the failure `evaluation`.
"""

import importlib.util

from ..log import log
from . import grayscale, sleep

KINDS = {"sleep": sleep.run, "image-filter.grayscale": grayscale.run}
NEED_PILLOW = ("image-filter.grayscale",)


def offered():
    """The names of the kinds that can be run here; logs which cannot, and why."""
    missing = () if importlib.util.find_spec("PIL") else NEED_PILLOW
    for kind in missing:
        log(f"does not offer {kind}: Pillow is missing (Debian: apt install python3-pil)")
    return [kind for kind in KINDS if kind not in missing]
