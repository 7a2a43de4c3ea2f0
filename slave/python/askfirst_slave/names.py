"""The form of names and ids in messages."""

import re

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


def is_id(value):
    return isinstance(value, str) and 1 <= len(value) <= 128
