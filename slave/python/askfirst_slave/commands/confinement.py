"""How surely the processes of a run end on this machine, found out by trying when the slave starts."""

import collections
import os
import shutil
import subprocess
import sys

PROBE_SECONDS = 10
# Folders of a run, and what they stand in place of where it has a mount namespace. /tmp is last, because the
# folder of the run may itself lie there.
HIDDEN = (("var-tmp", "/var/tmp"), ("shm", "/dev/shm"), ("lock", "/run/lock"), ("tmp", "/tmp"))

# `before`: what goes before the command of a launcher. `hidden`: programs do not see the agent's folders.
Confinement = collections.namedtuple("Confinement", ("containment", "hidden", "before"))


def find_confinement(is_root):
    """A PID namespace where util-linux can make one: as root with a mount namespace, as another user in a user
    namespace. Otherwise the launcher finds the processes of its run by their parents."""
    setpriv, unshare = shutil.which("setpriv"), shutil.which("unshare")
    if sys.platform == "linux" and setpriv and unshare:
        # The agent's death ends the child process, that one's unshare, its death the launcher, and that one's
        # all others in the namespace.
        before = [setpriv, "--pdeathsig", "KILL", "--", unshare]
        before += [] if is_root else ["--user", "--map-current-user"]
        before += ["--pid", "--ipc", "--fork", "--kill-child", "--mount-proc", "--"]
        if is_root and works([*before, "mount", "--bind", "/tmp", "/tmp"]):
            return Confinement("pid-namespace", True, before)
        if works([*before, "true"]):
            return Confinement("pid-namespace", False, before)
    return Confinement("process-group", False, [])


def works(command):
    quiet = subprocess.DEVNULL
    try:
        tried = subprocess.run(
            command, stdin=quiet, stdout=quiet, stderr=quiet, timeout=PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def hidden_place(path):
    """The folder in which programs would not see this path; None when they see it."""
    return next((place for _, place in HIDDEN if path.startswith(place + "/")), None)


def close_data(folder, work, is_passed):
    """Closes the data of the slave to other users. `is_passed`: they pass through it to the folders of runs in
    `work`, and list nothing."""
    if not is_passed:
        os.chmod(folder, 0o700)
        return
    for entry in os.scandir(folder):
        if not entry.is_symlink():
            os.chmod(entry.path, 0o700 if entry.is_dir() else 0o600)
    for each in (folder, work):
        os.chmod(each, 0o711)
