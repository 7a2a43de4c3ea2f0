"""JSON whose numbers are passed on as they were written, such as 1.10 or -0."""

import json
import math
import re
import secrets

# Stands in the JSON for a number. It is random, so that no text of a client contains it.
MARK = secrets.token_hex(16)


class Written(float):
    """A number that json would write in another way. To a kind it is a float like any other."""

    __slots__ = ("text",)


def read_float(text):
    """A fraction is the nearest float. A number that overflows, or that underflows to 0, becomes NaN (RFC
    8259, section 6, allows it). No JSON text means NaN, so the child process refuses it."""
    number = Written(text)
    lost = number == 0 and re.split("[eE]", text)[0].strip("-0.")
    if lost or math.isinf(number):
        return math.nan
    number.text = text
    return float(number) if float.__repr__(number) == text else number


def read_int(text):
    if text == "-0":
        return read_float(text)
    try:
        return int(text)
    except ValueError:  # more digits than Python reads
        return math.nan


# Arguments of json.loads, wherever JSON may hold a client's numbers.
NUMBERS = {"parse_float": read_float, "parse_int": read_int}


def noting(read, lost):
    """As `read`, and adds numbers that could not be read to the list `lost`."""

    def noted(text):
        number = read(text)
        if number != number:
            lost.append(text)
        return number

    return noted


def write_json(value, **how):
    """As json.dumps, with numbers as they were written."""
    texts = []

    def swap(value):
        if isinstance(value, Written):
            texts.append(value.text)
            return f"{MARK}{len(texts) - 1}"
        # Loops, because a comprehension takes one more stack frame for each level.
        if isinstance(value, dict):
            swapped = {}
            for key, each in value.items():
                swapped[key] = swap(each)
            return swapped
        if isinstance(value, (list, tuple)):
            swapped = []
            for each in value:
                swapped.append(swap(each))
            return swapped
        return value

    text = json.dumps(swap(value), **how)
    return re.sub(f'"{MARK}([0-9]+)"', lambda found: texts[int(found[1])], text) if texts else text
