"""The form of names and ids in messages."""

import re

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}\Z")
VARIABLE_CHARACTERS_MAX = 131_072


def variables_mistake(value):
    """What is wrong with the environment variables of a program; None for good ones."""
    if not isinstance(value, dict):
        return "must be an object"
    if not all(map(VARIABLE.match, value)):
        return "must have names of letters, digits and underscores, not beginning with a digit"
    for text in value.values():
        is_text = isinstance(text, str) and len(text) <= VARIABLE_CHARACTERS_MAX
        if not is_text or "\0" in text:
            return "must have values that are text without NUL characters"
    return None


def is_id(value):
    return isinstance(value, str) and 1 <= len(value) <= 128
