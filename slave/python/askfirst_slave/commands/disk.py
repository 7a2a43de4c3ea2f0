"""How much disk the files of a run take. A run may change them meanwhile."""

import math
import os

# A file counts at least this much, so that their number is bounded, too. In bytes.
FILE_BYTES_MIN = 1024
BLOCK_BYTES = 512
# A longer path than this, in bytes, counts as too much: the kernel takes none of more than 4096.
PATH_BYTES_MAX = 2048


def disk_use(folder, bytes_max):
    """The bytes that the files in a folder take, counted until they exceed `bytes_max`; infinite when some lie
    too deep. Follows no links. Names are bytes: a program may choose some that are no text."""
    total = 0
    waiting = [os.fsencode(folder)]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:  # removed meanwhile, or closed
            continue
        for entry in entries:
            if len(entry.path) > PATH_BYTES_MAX:
                return math.inf
            try:
                facts = entry.stat(follow_symlinks=False)
                is_folder = entry.is_dir(follow_symlinks=False)
            except OSError:
                continue
            total += max(FILE_BYTES_MIN, facts.st_blocks * BLOCK_BYTES)
            if total > bytes_max:
                return total
            if is_folder:
                waiting.append(entry.path)
    return total
