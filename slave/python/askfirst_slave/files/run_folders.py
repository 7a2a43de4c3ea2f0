"""A folder for each run, removed when the run is over."""

import contextlib
import os
import shutil
import tempfile


class RunFolders:
    def __init__(self, root):
        """Removes what an earlier run of the slave left in `root`."""
        self.root = root
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(root)

    @contextlib.contextmanager
    def folder(self):
        # Other programs may have removed the root: such folders are swept now and then.
        os.makedirs(self.root, exist_ok=True)
        folder = tempfile.mkdtemp(dir=self.root)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
