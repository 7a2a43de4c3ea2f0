"""What the Python slave can do: each task runs in a process of its own, started with this file.

The agent (slave.py) writes one line of JSON, the offer and where to go with it, to standard input,
and reads one line, the outcome, from standard output. It kills the process when the task is called
back or over its limit; and when the agent itself is gone, standard input ends, and so does this
process.

A kind is a function in KINDS: it takes the input and works in the current folder, where the files
of the offer are; it returns the result and the names of the files that it made. A Failure that it
raises is the task's failure; anything else it raises is the failure `evaluation`.
"""

import errno
import hashlib
import http.client
import importlib.util
import itertools
import json
import math
import os
import random
import re
import secrets
import struct
import sys
import threading
import time
import urllib.parse

from identity import Identity, Misplaced, connect, guarded

PIXELS_MAX = 100_000_000
FILE_BYTES_MAX = 1024 * 1024 * 1024
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
CHUNK_BYTES = 256 * 1024
# What goes wrong on this machine.
LOCAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE)
FETCH_TRIES = 4
# In seconds.
FETCH_TIMEOUT = 10
REST_MIN, REST_MAX = 0.2, 5


class Failure(Exception):
    """The task fails, for a reason that is the task's own: a type of PROTOCOL.md, and words; with
    the names of files of the offer that are not to be had."""

    def __init__(self, type, message, missing=None):
        super().__init__(message)
        self.type = type
        self.missing = missing


class Refused(Exception):
    """An answer over HTTP that is no success."""

    def __init__(self, status, said):
        self.status = status
        try:
            words = json.loads(said)
            words = words.get("detail") or words.get("title")
        except (ValueError, AttributeError):
            words = said[:200].decode("utf-8", "replace")
        super().__init__(f"answered {status}: {words}")


class Written(float):
    """A number that json would write in another way: it is passed on as it was written, such as 1.10
    or -0. To a kind it is a float like any other."""

    __slots__ = ("text",)


def read_float(text):
    """A fraction is the float next to it. What is beyond all floats, or would become 0, is none (RFC
    8259, section 6): NaN, which no JSON can mean, so that the process of its task refuses it."""
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


# For json.loads: of all that may hold a client's numbers.
NUMBERS = {"parse_float": read_float, "parse_int": read_int}

def noting(read, lost):
    def noted(text):
        number = read(text)
        if number != number:
            lost.append(text)
        return number

    return noted


# Stands in the JSON for a number, and in no text of a client.
MARK = secrets.token_hex(16)


def write_json(value, **how):
    """As json.dumps, with numbers as they were written."""
    texts = []

    def swap(value):
        if isinstance(value, Written):
            texts.append(value.text)
            return f"{MARK}{len(texts) - 1}"
        # Loops, not comprehensions: those take a frame more for each level.
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


def failed(type, message, missing=None):
    outcome = {"status": "failed", "type": type, "message": str(message)[:4096] or type}
    return {**outcome, "missing": missing} if missing else outcome


# ------------------------------------------------------------------------------------- the kinds


def sleep(input):
    """Occupies a slot for a given time: for trying things out."""
    ms = input.get("ms") if isinstance(input, dict) else None
    if not isinstance(ms, (int, float)) or isinstance(ms, bool) or not 0 <= ms <= 86_400_000:
        raise Failure("rejected-input", "ms must be a number from 0 to 86400000")
    if len(input) > 1:
        raise Failure("rejected-input", "only ms is known here")
    time.sleep(ms / 1000)
    return {"sleptMs": ms}, []


def grayscale(input):
    """strip.png, an 8-bit PNG, in grey: R = G = B = L, and the alpha unchanged, in the same mode,
    so that strips can be put together again."""
    from PIL import Image

    if not isinstance(input, dict):
        raise Failure("rejected-input", "the input must be an object")
    if not os.path.exists("strip.png"):
        raise Failure("rejected-input", "the offer has no file strip.png")
    version = version_of("strip.png")
    size = check_png("strip.png")
    Image.MAX_IMAGE_PIXELS = None  # checked already
    try:
        with Image.open("strip.png", formats=["PNG"]) as image:
            if "transparency" in image.info:
                raise ValueError("it has a transparent colour in place of an alpha channel")
            image.load()
            # Pillow computes L as (R * 19595 + G * 38470 + B * 7471 + 32768) >> 16.
            grey = image.convert("L") if image.mode in ("RGB", "RGBA") else None
            if image.mode == "RGB":
                image = Image.merge("RGB", (grey, grey, grey))
            elif image.mode == "RGBA":
                image = Image.merge("RGBA", (grey, grey, grey, image.getchannel("A")))
            image.save("strip.png.new", "PNG", compress_level=3)
    except (OSError, SyntaxError, ValueError) as error:
        check_unchanged("strip.png", version)
        raise Failure("rejected-input", f"strip.png cannot be read: {error}") from error
    check_unchanged("strip.png", version)
    os.replace("strip.png.new", "strip.png")
    return {"width": size[0], "height": size[1]}, ["strip.png"]


def check_png(path):
    """Reads the head of a PNG; gives width and height. Refuses, before anything is decoded, what
    is too large or what grey would not mean the same for."""
    with open(path, "rb") as file:
        head = file.read(33)
    if len(head) < 33 or head[:16] != b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR":
        raise Failure("rejected-input", f"{path} is not a PNG")
    width, height, depth, colour = struct.unpack(">IIBB", head[16:26])
    if depth != 8 or colour not in (0, 2, 4, 6):
        raise Failure("rejected-input", f"{path} must have 8 bits per channel, and no palette")
    if width * height > PIXELS_MAX:
        words = f"{path} is {width} x {height}: more than {PIXELS_MAX} pixels"
        raise Failure("rejected-input", words)
    return width, height


KINDS = {"sleep": sleep, "image-filter.grayscale": grayscale}
MISSING = "" if importlib.util.find_spec("PIL") else (
    "does not offer image-filter.grayscale: Pillow is missing (Debian: apt install python3-pil)"
)


def kinds():
    """The kinds that can be run here."""
    return [name for name in KINDS if not (MISSING and name.startswith("image-"))]


# ------------------------------------------------------------------------------------- the files


def path_of(url):
    parts = urllib.parse.urlsplit(url)
    return parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")


def fetch(file, master, identity, own):
    """Brings one file of the offer into the current folder, and checks that it is the right one."""
    name, url = (file.get("name"), file.get("url")) if isinstance(file, dict) else (None, None)
    if not isinstance(name, str) or not FILE_NAME.match(name) or not isinstance(url, str):
        raise Failure("rejected-input", "a file of the offer needs a name and a url")
    headers = {}
    role, create = "slave", guarded(own)
    if url.startswith("/"):
        url, role, create = master + url, "master", None
    elif file.get("ticket"):
        # A ticket is for the slave that has the file, and for nobody else.
        headers["Authorization"] = f"Bearer {file['ticket']}"
    tries = 0
    for attempt in itertools.count():
        if attempt > 0:
            rest(attempt)
        try:
            with connect(url, FETCH_TIMEOUT, identity, role, create) as connection:
                return download(connection, name, url, headers, file)
        except Refused as refused:
            last = refused
            if refused.status < 500 and refused.status not in (408, 429):
                break
            is_away = refused.status in (429, 502, 503, 504)
        except Misplaced as error:
            last = error
            break
        except (OSError, ValueError, http.client.HTTPException) as error:
            last = error
            is_away = not isinstance(error, ValueError) and getattr(error, "errno", 0) not in LOCAL
        # The master comes back; a peer that is away has lost the file.
        tries += not (role == "master" and is_away)
        if tries >= FETCH_TRIES:
            break
    raise Failure("missing-file", f"{name} cannot be fetched from {url}: {last}", [name])


def download(connection, name, url, headers, file):
    most = file.get("bytes", FILE_BYTES_MAX)
    digest = hashlib.sha256()
    count = 0
    with open(name, "wb") as target:
        connection.request("GET", path_of(url), headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise Refused(answer.status, answer.read(4096))
        while chunk := answer.read(CHUNK_BYTES):
            count += len(chunk)
            if count > most:
                raise ValueError(f"is longer than {most} bytes")
            digest.update(chunk)
            target.write(chunk)
    if answer.length:  # it broke off
        raise http.client.IncompleteRead(b"", answer.length)
    if count != file.get("bytes", count):
        raise ValueError(f"has {count} bytes in place of {most}")
    if digest.hexdigest() != file.get("sha256", digest.hexdigest()):
        raise ValueError(f"has the SHA-256 {digest.hexdigest()} in place of {file['sha256']}")


def version_of(name):
    """Differs after a write that keeps the size; None when there is no such file."""
    try:
        facts = os.lstat(name)
    except FileNotFoundError:
        return None
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino


def check_unchanged(name, version):
    if version_of(name) != version:
        words = "It must not change until the task has ended: submit it again"
        raise Failure("file-changed", f"{name} changed while it was read. {words}")


def upload(name, master, identity):
    """Gives the master a file that the task made; gives the line for the outcome. Tries again until
    the run limit: what has been computed is worth it."""
    version = version_of(name)
    size = os.path.getsize(name)
    with open(name, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    type = "image/png" if name.endswith(".png") else "application/octet-stream"
    for attempt in range(1, sys.maxsize):
        try:
            with connect(master, FETCH_TIMEOUT, identity) as connection, open(name, "rb") as file:
                headers = {"Content-Type": type, "Content-Length": str(size)}
                connection.request("PUT", path_of(master) + "/blobs", file, headers)
                answer = connection.getresponse()
                said = answer.read(64 * 1024)
                if answer.status not in (200, 201):
                    raise Refused(answer.status, said)
            check_unchanged(name, version)
            if json.loads(said)["sha256"] != sha256:
                raise ValueError("the master has got something else")
            return {"name": name, "bytes": size, "sha256": sha256, "type": type}
        except Refused as refused:
            if refused.status < 500 and refused.status not in (408, 429):
                kind = "result-too-large" if refused.status == 413 else "evaluation"
                raise Failure(kind, f"the master does not take {name}: {refused}") from refused
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            pass
        check_unchanged(name, version)
        rest(attempt)


def rest(attempt):
    time.sleep(min(REST_MAX, REST_MIN * 2 ** min(attempt - 1, 10)) * random.uniform(0.5, 1.5))


# ----------------------------------------------------------------------------------- the process


def run(offer, master, identity, own):
    """The outcome of an offer; identity: the folder of the slave's, or None; own: its URL."""
    try:
        identity = Identity(identity) if identity else None
        for file in offer.get("files", []):
            fetch(file, master, identity, own)
        result, names = KINDS[offer["kind"]](offer["input"])
        files = [upload(name, master, identity) for name in names]
        return {"status": "done", "result": result, **({"files": files} if files else {})}
    except Failure as failure:
        return failed(failure.type, failure, failure.missing)
    except MemoryError:
        return failed("memory-limit", "not enough memory for this task")
    except Exception as error:
        return failed("evaluation", f"{type(error).__name__}: {error}")


def die_with_the_agent():
    os.read(0, 1)  # nothing more is ever sent: this is the end of standard input
    os._exit(1)


def main():
    lost = []  # numbers that could not be read (see read_float), by the agent or here
    numbers = {name: noting(read, lost) for name, read in NUMBERS.items()}
    order = json.loads(sys.stdin.buffer.readline(), parse_constant=lost.append, **numbers)
    threading.Thread(target=die_with_the_agent, daemon=True).start()
    # What a library prints is no outcome.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if lost:
        words = "a number of the input is beyond what a float holds: write it as text"
        outcome = failed("rejected-input", words)
    else:
        outcome = run(order["offer"], order["master"], order["identity"], order["url"])
    try:
        line = write_json(outcome, allow_nan=False)
    except (TypeError, ValueError) as error:
        line = json.dumps(failed("evaluation", f"the result is not JSON: {error}"))
    print(line, file=answers, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
