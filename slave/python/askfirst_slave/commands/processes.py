"""The processes of a run, as the kernel shows them (Linux; elsewhere none are seen)."""

import collections
import os
import re

# What processes take: how many threads they have together, their memory, and the largest of one.
Use = collections.namedtuple("Use", ("threads", "rss_bytes", "rss_bytes_max"))


def descendants():
    """Ids of the processes that this one has started, and those that they have. Orphans are its children."""
    children = collections.defaultdict(list)
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            # The name of the program stands in parentheses and may contain some.
            fields = text_of(f"/proc/{name}/stat").rpartition(")")[2].split()
            if fields:
                children[int(fields[1])].append(int(name))
    found, waiting = [], [os.getpid()]
    while waiting:
        below = children.pop(waiting.pop(), ())
        found.extend(below)
        waiting.extend(below)
    return found


def use_of(ids):
    threads = rss = most = 0
    for id in ids:
        status = text_of(f"/proc/{id}/status")
        fields = {name: int(number) for name, number in re.findall(r"^(\w+):\s*(\d+)", status, re.M)}
        threads += fields.get("Threads", 0)
        rss += fields.get("VmRSS", 0) * 1024
        most = max(most, fields.get("VmHWM", 0) * 1024)
    return Use(threads, rss, most)


def text_of(path):
    """Empty when the process has ended."""
    try:
        with open(path, encoding="latin-1") as file:
            return file.read()
    except OSError:
        return ""
