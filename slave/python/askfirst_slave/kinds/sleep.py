"""The kind `sleep`: occupies a slot for a given time. The conformance kit needs it."""

import time

from ..failure import Failure


def run(input):
    ms = input.get("ms") if isinstance(input, dict) else None
    if not isinstance(ms, (int, float)) or isinstance(ms, bool) or not 0 <= ms <= 86_400_000:
        raise Failure("rejected-input", "ms must be a number from 0 to 86400000")
    if len(input) > 1:
        raise Failure("rejected-input", "only ms is allowed")
    time.sleep(ms / 1000)
    return {"sleptMs": ms}, []
