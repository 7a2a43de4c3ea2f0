"""Requests to the master, the responses that are no success, and the pauses between tries."""

import json
import random
import urllib.parse

from .connect import connect, path_of
from .numbers import write_json

# A longer answer is cut, and so is not valid JSON.
ANSWER_BYTES_MAX = 4 * 1024 * 1024
# Seconds for a whole exchange with the master.
REQUEST_TIMEOUT = 5


class Refused(Exception):
    """An HTTP response that is no success."""

    def __init__(self, status, said):
        self.status = status
        try:
            words = json.loads(said)
            words = words.get("detail") or words.get("title")
        except (ValueError, AttributeError):
            words = said[:200].decode("utf-8", "replace")
        super().__init__(f"answered {status}: {words}")


def is_final(refused):
    """Whether trying again would get the same response."""
    return refused.status < 500 and refused.status not in (408, 429)


def pause_after(failures, shortest, longest):
    """Seconds to wait after so many failed requests in a row (at least 1): doubled each time up to
    `longest`, and up to half as much less or more, so that many slaves do not try again at once."""
    seconds = min(longest, shortest * 2 ** min(failures - 1, 10))
    return seconds * random.uniform(0.5, 1.5)


class Master:
    def __init__(self, url, identity):
        self.url = url
        self.identity = identity
        # The id of the master in its replies; None until it has sent one.
        self.id = None

    def call(self, method, path, body=None):
        """One request; returns the parsed response. Raises OSError, HTTPException or ValueError, or
        Refused when the response is no success."""
        text = None if body is None else write_json(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        with connect(self.url, REQUEST_TIMEOUT, self.identity) as connection:
            connection.request(method, path_of(self.url) + path, text, headers)
            answer = connection.getresponse()
            said = answer.read(ANSWER_BYTES_MAX)
            if answer.status >= 300:
                raise Refused(answer.status, said)
            return json.loads(said)

    def heard(self, reply):
        self.id = reply.get("master", self.id)

    def reports_to(self):
        """The masters that get the outcomes of this slave (see "Whom it reports to" in PROTOCOL.md)."""
        parts = urllib.parse.urlsplit(self.url)
        url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return [{"url": url, **({"master": self.id} if self.id else {})}]
