"""One deadline for a whole exchange over http.client, however slowly the other side sends its response
(as shared/http/exchange-deadline.ts)."""

import contextlib
import io
import time

# The slowest transfer that is waited for.
BYTES_PER_SECOND_MIN = 32 * 1024


class Deadline:
    """So many seconds for a whole exchange, and more for each byte that moves. So a peer that stalls, or
    sends a byte now and then, is given up."""

    def __init__(self, seconds):
        self.until = time.monotonic() + seconds

    def left(self):
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the response took too long")
        return seconds

    def moved(self, count):
        self.until += count / BYTES_PER_SECOND_MIN


class Reader(io.RawIOBase):
    """Reads from a socket until the deadline."""

    def __init__(self, socket, deadline):
        super().__init__()
        self.socket = socket
        self.file = socket.makefile("rb", buffering=0)
        self.deadline = deadline

    def readable(self):
        return True

    def readinto(self, buffer):
        self.socket.settimeout(self.deadline.left())
        count = self.file.readinto(buffer)
        self.deadline.moved(count or 0)
        return count

    def close(self):
        self.file.close()
        super().close()


class TimedSocket:
    """A connected socket, with the methods that http.client uses; they fail after the deadline."""

    def __init__(self, socket, deadline):
        self.socket = socket
        self.deadline = deadline

    def sendall(self, data):
        self.socket.settimeout(self.deadline.left())
        self.socket.sendall(data)
        self.deadline.moved(len(data))

    def makefile(self, *_):
        return io.BufferedReader(Reader(self.socket, self.deadline))

    def close(self):
        self.socket.close()


@contextlib.contextmanager
def opened(connection, timeout, check=None):
    """Connects and calls `check` with the socket; then every use of the connection has the deadline."""
    deadline = Deadline(timeout)
    try:
        connection.connect()
        if check:
            check(connection.sock)
        connection.sock = TimedSocket(connection.sock, deadline)
        yield connection
    finally:
        connection.close()
