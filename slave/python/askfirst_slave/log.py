"""Log lines for people, on standard error."""

import sys


def log(words):
    print(words, file=sys.stderr, flush=True)
