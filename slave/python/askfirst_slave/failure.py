"""How a task fails."""


class Failure(Exception):
    """The task fails for a reason of its own. `type`: a type of failure of PROTOCOL.md; `missing`: the
    names of files of the offer that cannot be fetched."""

    def __init__(self, type, message, missing=None):
        super().__init__(message)
        self.type = type
        self.missing = missing


def failed(type, message, missing=None):
    """The outcome of a task that failed."""
    outcome = {"status": "failed", "type": type, "message": str(message)[:4096] or type}
    return {**outcome, "missing": missing} if missing else outcome
