"""Why a request is refused."""

TYPES = {401: "unauthorized", 403: "forbidden", 404: "not-found", 413: "body-too-large"}


class Problem(Exception):
    """The response is this 4xx, and the request changed nothing (rule malformed)."""

    def __init__(self, detail, status=400, title="The request does not match its schema."):
        super().__init__(detail)
        self.status = status
        self.title = title

    def body(self):
        kind = TYPES.get(self.status, "invalid-request")
        return {"type": kind, "title": self.title, "status": self.status, "detail": str(self)}
