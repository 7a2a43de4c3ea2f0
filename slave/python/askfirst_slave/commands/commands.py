"""What the agent knows of programs: which are allowed, as whom they run, and how surely they end."""

import os
import pwd

from ..log import log
from . import COMMAND
from .confinement import find_confinement, hidden_place
from .programs import ANY, Programs, parse_allowed

PATH = "/usr/local/bin:/usr/bin:/bin"
# Processes of the user that are none of a run: of launchers; without a namespace, all of the user's.
OTHER_PROCESSES = {"pid-namespace": 64, "process-group": 4096}


class Commands:
    def __init__(self, given):
        """`given`: see settings.py. Raises ValueError with what is wrong in the settings."""
        is_root = os.geteuid() == 0
        self.owner = owner_of(given.commands_user, is_root)
        try:
            allowed = parse_allowed(given.commands)
        except ValueError as error:
            raise ValueError(f"--commands cannot be {given.commands}: {error}") from error
        self.programs = Programs(allowed, os.environ.get("PATH", PATH))
        self.confinement = find_confinement(is_root)
        if self.confinement.hidden and allowed != ANY:
            refuse_hidden(filter(None, allowed.values()))
        containment = self.confinement.containment
        self.limits = {
            "graceMs": given.kill_grace_ms,
            "memoryBytesMax": given.command_memory_bytes_max,
            "processesMax": given.command_processes_max,
            # The kernel counts the processes of a user, in all runs together.
            "userProcessesMax": given.command_processes_max * given.slots
            + OTHER_PROCESSES[containment],
            "diskBytesMax": given.command_disk_bytes_max,
        }
        log(f"runs programs, each in a {containment}")

    def card(self):
        return {"programs": self.programs.names(), "containment": self.confinement.containment}

    def unable(self, offer):
        """Why this slave cannot run the offer's program; None when it can. An offer without the name of a
        program is taken, and then fails."""
        name = program_of(offer)
        return None if name is None else self.programs.find(name)[1]

    def told(self, offer):
        """What the child process of a run is told."""
        name = program_of(offer)
        path, missing = (None, None) if name is None else self.programs.find(name)
        return {
            "path": path,
            "missing": missing,
            "env": {"PATH": self.programs.path(), "LANG": os.environ.get("LANG", "C.UTF-8")},
            "owner": self.owner,
            "limits": self.limits,
            **self.confinement._asdict(),
        }

    def is_passed(self):
        """Whether programs reach their folders through the data folder, as another user."""
        return self.owner is not None and not self.confinement.hidden


def program_of(offer):
    input = offer["input"]
    is_named = offer["kind"] == COMMAND and isinstance(input, dict)
    return input["program"] if is_named and isinstance(input.get("program"), str) else None


def owner_of(user, is_root):
    """The ids of the user and group that programs run as; None: those of the agent."""
    if user is None:
        if not is_root:
            return None
        words = "needs --commands-user with --commands: the user that programs run as"
        raise ValueError(f"a slave that runs as root {words}")
    if not is_root:
        raise ValueError("--commands-user needs a slave that runs as root")
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        raise ValueError(f"--commands-user cannot be {user}: there is no such user") from None
    if found.pw_uid == 0:
        raise ValueError("--commands-user must not be root")
    return {"uid": found.pw_uid, "gid": found.pw_gid}


def refuse_hidden(paths):
    for path in paths:
        place = hidden_place(path)
        if place:
            words = f"every run has a {place} of its own; put the program elsewhere"
            raise ValueError(f"--commands cannot have {path}: {words}")
