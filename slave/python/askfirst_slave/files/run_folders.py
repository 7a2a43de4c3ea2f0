"""A folder for each run, removed when the run is over."""

import contextlib
import os
import subprocess
import tempfile
import time

# The pauses after tries to remove a folder into which processes write until they are killed. In seconds.
RESTS = (0, 0.5, 0.5, 1)


class RunFolders:
    def __init__(self, root, is_passed=False):
        """Removes what an earlier run of the slave left in `root`. `is_passed`: other users pass through the
        folders, in which they list nothing."""
        self.root = root
        self.mode = 0o711 if is_passed else 0o700
        remove(root)
        os.makedirs(root, exist_ok=True)
        os.chmod(root, self.mode)

    @contextlib.contextmanager
    def folder(self):
        # Other programs may have removed the root: such folders are swept now and then.
        os.makedirs(self.root, exist_ok=True)
        folder = tempfile.mkdtemp(dir=self.root)
        os.chmod(folder, self.mode)
        try:
            yield folder
        finally:
            remove(folder)


def remove(folder):
    """Removes a folder. Programs may leave folders that are closed, and paths that are too long for Python:
    rm and chmod bear both. What cannot be removed now is removed by the next start."""
    for rest in RESTS:
        for command in (["rm", "-rf"], ["chmod", "-R", "u+rwx"]):
            with contextlib.suppress(OSError):
                subprocess.run([*command, "--", folder], stderr=subprocess.DEVNULL)
            if not os.path.lexists(folder):
                return
        time.sleep(rest)
