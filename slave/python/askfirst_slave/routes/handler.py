"""One HTTP connection: reads its requests, finds their routes, and writes the responses."""

import http.server
import json
import re

from ..link.numbers import NUMBERS
from ..problem import Problem
from ..security.admission import assert_master, keep_pages_out
from .availability import OPEN
from .connections import LIMITS

BODY_BYTES_MAX = 16 * 1024 * 1024


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # masters keep connections open
    timeout = LIMITS["idle"]  # the server closes it earlier where another limit applies
    disable_nagle_algorithm = True
    wbufsize = -1  # one response, one packet

    def __init__(self, request, tracked, server):
        """`tracked`: the Connection, whose state the server gets told."""
        self.tracked = tracked
        super().__init__(request, (tracked.address, 0), server)

    def handle_one_request(self):
        if not self.rfile.peek(1):
            self.close_connection = True
            return
        self.server.enter(self.tracked, "asking")
        super().handle_one_request()
        self.server.enter(self.tracked, "idle")

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.respond(lambda _body: None)

    def do_POST(self):
        self.respond(lambda body: read_json(self.headers, body))

    def respond(self, read):
        whole = False
        try:
            route = self.route()  # first: a body is read only for a client that may ask
            body = self.read_body()
            whole = True
            self.server.enter(self.tracked, "answering")
            self.send(200, "application/json", route(read(body)))
        except Problem as problem:
            self.close_connection |= not whole
            self.send(problem.status, "application/problem+json", problem.body())

    def route(self):
        path = self.path.split("?")[0]
        if self.server.context is None:
            keep_pages_out(self.headers, self.server.hostname)
        elif path not in OPEN:
            assert_master(self.connection)
        route = self.server.routes.get((self.command, path))
        if route is None:
            raise Problem(f"there is no {self.command} {path}", 404, "There is nothing at this path.")
        return route

    def read_body(self):
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,12}", length):
            raise Problem("the Content-Length header is missing", 411, "The length of the body is missing.")
        if int(length) > BODY_BYTES_MAX:
            raise Problem(f"at most {BODY_BYTES_MAX} bytes", 413, "The body is too large.")
        return self.rfile.read(int(length))

    def send(self, status, kind, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def read_json(headers, body):
    if headers.get_content_type() != "application/json":
        raise Problem("the Content-Type must be application/json", 415, "The body must be application/json.")
    try:
        return json.loads(body.decode("utf-8"), parse_constant=not_json, **NUMBERS)
    except (ValueError, RecursionError) as error:
        raise Problem(f"the body is not valid JSON in UTF-8: {error}") from error


def not_json(word):
    raise ValueError(f"{word} is not JSON")
