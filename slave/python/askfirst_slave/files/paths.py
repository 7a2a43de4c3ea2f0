"""Paths of the files of a task: relative, of parts separated by "/" (see FILES.md), and patterns of them."""

import functools

PATH_BYTES_MAX, PART_BYTES_MAX = 1024, 255


def path_mistake(path):
    """What is wrong with a path; None for a good one."""
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode text"
    if "\0" in path:
        return "contains a NUL character"
    if length > PATH_BYTES_MAX:
        return f"is longer than {PATH_BYTES_MAX} bytes"
    if path.startswith("/"):
        return "is absolute: it must be relative"
    for part in path.split("/"):
        if part == "":
            return "has an empty part"
        if part in (".", ".."):
            return f'has the part "{part}"'
        if len(part.encode()) > PART_BYTES_MAX:
            return f"has a part longer than {PART_BYTES_MAX} bytes"
    return None


def is_glob(path):
    return any(character in path for character in "*?[")


class Glob:
    """A pattern as of a shell: "*", "?", "[a-z]", "[!a-z]", "**" for any number of folders. A leading dot
    is matched only by a dot. Progress is the set of the parts of the pattern that may come next: matching
    is linear in the length of a name, whatever the pattern (the module glob is not)."""

    def __init__(self, pattern):
        self.parts = pattern.split("/")
        if self.parts[-1] == "**":  # all files below a folder, but not the folder
            self.parts.append("*")
        self.beginning = self.closed({0})

    def after(self, progress, name):
        """How far it has matched after one more part of a path; empty: nothing below can match."""
        following = set()
        for at in progress:
            if at == len(self.parts):
                continue
            if self.parts[at] != "**":
                if matches(self.parts[at], name):
                    following.add(at + 1)
            elif not name.startswith("."):
                following.add(at)
        return self.closed(following)

    def is_whole(self, progress):
        return len(self.parts) in progress

    def closed(self, progress):
        """`**` may match no folder at all."""
        for at in range(len(self.parts)):
            if at in progress and self.parts[at] == "**":
                progress.add(at + 1)
        return progress


def matches(pattern, name):
    """Whether one part of a pattern matches one name."""
    if name.startswith(".") and not pattern.startswith("."):
        return False
    items = items_of(pattern)
    at = read = 0
    star, mark = -1, 0  # after the last "*", and the first character that it does not take yet
    while read < len(name):
        item = items[at] if at < len(items) else None
        if item == "*":
            at += 1
            star, mark = at, read
        elif item is not None and takes(item, name[read]):
            at, read = at + 1, read + 1
        elif star >= 0:
            mark += 1
            at, read = star, mark
        else:
            return False
    return all(item == "*" for item in items[at:])


def takes(item, character):
    if item == "?":
        return True
    ranges, negated = item
    return any(first <= character <= last for first, last in ranges) != negated


@functools.lru_cache(1024)
def items_of(pattern):
    """Each is "*", "?", or ranges of characters and whether it is none of them."""
    items = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        negated = pattern[at + 1 : at + 2] in ("!", "^")
        # A bracket that comes first is one of the characters.
        end = pattern.find("]", at + (3 if negated else 2)) if character == "[" else -1
        if end > 0:
            items.append((ranges_of(pattern[at + (2 if negated else 1) : end]), negated))
            at = end
        else:
            items.append(character if character in "*?" else ([(character, character)], False))
        at += 1
    return items


def ranges_of(listed):
    ranges = []
    at = 0
    while at < len(listed):
        is_range = listed[at + 1 : at + 2] == "-" and at + 2 < len(listed)
        ranges.append((listed[at], listed[at + 2] if is_range else listed[at]))
        at += 3 if is_range else 1
    return ranges
