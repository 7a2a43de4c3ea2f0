"""The programs that this slave may run, as its operator lists them: `any`, or names, each with a path or
not. A program without a path is the first file of its name in PATH."""

import json
import os

ANY = "any"
NAME_CHARACTERS_MAX = 255
PROGRAMS_MAX = 1024


def parse_allowed(listed):
    """Reads --commands. The path of each name, None where PATH decides; or `any`. Raises ValueError."""
    entries = listed.split(",")
    if ANY in entries:
        if len(entries) > 1:
            raise ValueError(f'"{ANY}" must stand alone')
        return ANY
    if len(entries) > PROGRAMS_MAX:
        raise ValueError(f"more than {PROGRAMS_MAX} programs")
    allowed = {}
    for entry in entries:
        name, is_path, path = entry.partition("=")
        if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
            raise ValueError("a name is empty or too long")
        if "/" in name:
            raise ValueError(f'{name} has a "/": give it a name, as in name=/absolute/path')
        if is_path and not os.path.isabs(path):
            raise ValueError(f"{path} is not an absolute path")
        if name in allowed:
            raise ValueError(f"{name} is listed twice")
        allowed[name] = path if is_path else None
    return allowed


class Programs:
    def __init__(self, allowed, searched):
        """`searched`: the value of PATH, of which relative folders do not count."""
        self.allowed = allowed
        self.folders = [folder for folder in searched.split(os.pathsep) if os.path.isabs(folder)]

    def path(self):
        return os.pathsep.join(self.folders)

    def names(self):
        return ANY if self.allowed == ANY else list(self.allowed)

    def find(self, name):
        """The file of a program, as it is now, and None; or None, and why it cannot run."""
        quoted = json.dumps(name, ensure_ascii=False)
        is_allowed = self.allowed == ANY or name in self.allowed
        if not is_allowed or "/" in name or "\0" in name:
            return None, f"does not run {quoted}"
        fixed = None if self.allowed == ANY else self.allowed[name]
        for path in [fixed] if fixed else [os.path.join(each, name) for each in self.folders]:
            if is_executable(path):
                return path, None
        return None, f"{quoted} is not installed here"


def is_executable(path):
    try:
        return os.path.isfile(path) and os.access(path, os.X_OK)
    except ValueError:  # a name that is no text of this system
        return False
