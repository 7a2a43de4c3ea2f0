"""Finds what a run left: regular files of its own, by name or pattern. Links would give away what only the
slave can read."""

import os
import stat

from ..failure import Failure
from .paths import Glob, is_glob, path_mistake

OUTPUTS_MAX = 10_000
LOOKED_AT_MAX = 200_000


def find_outputs(folder, wanted, lenient=False):
    """The paths of outputs in a folder, in the order of their bytes. A pattern passes over folders and may
    match nothing. `lenient`: leaves out what is missing or no file."""
    found = set()

    def take(name, check):
        try:
            check(folder, name)
        except Failure:
            if not lenient:
                raise
            return
        found.add(name)
        if len(found) > OUTPUTS_MAX:
            raise Failure("invalid-result", f"the run left more than {OUTPUTS_MAX} outputs")

    for name in wanted:
        if not is_glob(name):
            take(name, check_output)
    globs = [Glob(name) for name in wanted if is_glob(name)]
    if globs:
        for name in walk(folder, globs):
            take(name, check_output)
    return sorted(found, key=os.fsencode)


def check_output(folder, name):
    """Raises a Failure when there is no regular file of this name, reached without links."""
    mistake = path_mistake(name)
    if mistake:
        raise Failure("invalid-result", f"the output {name!r} {mistake}")
    path = folder
    parts = name.split("/")
    for i, part in enumerate(parts):
        path = os.path.join(path, part)
        try:
            facts = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            raise Failure("missing-output", f"the run left no file {name}") from None
        is_last = i == len(parts) - 1
        what = None
        if stat.S_ISLNK(facts.st_mode):
            what = "a symbolic link"
        elif is_last and not stat.S_ISREG(facts.st_mode):
            what = "not a file"
        elif is_last and facts.st_nlink > 1:
            what = "a hard link"
        if what:
            so_far = "/".join(parts[: i + 1])
            words = f"the output {so_far} is {what}: outputs must be regular files, without links"
            raise Failure("invalid-result", words)


def walk(root, globs):
    """The paths of everything that a pattern matches, but folders. Follows no links."""
    looked = 0
    waiting = [("", [glob.beginning for glob in globs])]
    while waiting:
        prefix, progress = waiting.pop()
        for entry in os.scandir(os.path.join(root, prefix)):
            looked += 1
            if looked > LOOKED_AT_MAX:
                raise Failure("invalid-result", f"the run left more than {LOOKED_AT_MAX} files")
            following = [glob.after(each, entry.name) for glob, each in zip(globs, progress)]
            if not any(following):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append((f"{prefix}{entry.name}/", following))
            elif any(glob.is_whole(each) for glob, each in zip(globs, following)):
                yield prefix + entry.name
