"""The HTTP server's connections: which ones it keeps, and how long (as ../../shared/connections.ts).

    silent --(first byte)--> asking --(request complete)--> answering --(answered)--> idle
                                ^                                                      |
                                +---------------------(first byte)---------------------+

Every state has a time limit. A silent connection has no thread: the thread that accepts watches it.
Connections are limited in number, and those without a complete request also per address. When the
limit is reached, a new connection replaces one that waits; only if all are answering is it closed.
So a client that opens connections and sends nothing cannot keep the master from connecting.
"""

import _thread
import collections
import errno
import http.server
import selectors
import socket
import socketserver
import ssl
import threading
import time

CONNECTIONS_MAX = 256
# Connections of one address without a complete request.
WAITING_MAX = 128
WAITING = ("silent", "asking")
# In seconds: how long a connection may stay in each state.
LIMITS = {"silent": 5, "asking": 30, "answering": 30, "idle": 75}
# A younger connection may have sent a request that is not read yet: another is closed first.
FRESH = 1
LOOK = 0.5
# Connections accepted before those that have sent something get their turn.
ACCEPT_MAX = 32
# The system has no file descriptor, or no memory, for another.
NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Connection:
    def __init__(self, accepted, address):
        self.socket = accepted
        self.address = address
        self.state = None
        self.since = 0.0


class Kept:
    """The connections by state, each state's in the order in which they entered it. Used while
    holding the server's lock."""

    def __init__(self):
        self.by_state = {state: {} for state in LIMITS}
        # Of each address, those without a complete request.
        self.waiting = collections.Counter()

    def __len__(self):
        return sum(map(len, self.by_state.values()))

    def __contains__(self, connection):
        return connection.state is not None

    def enter(self, connection, state):
        self.remove(connection)
        connection.state, connection.since = state, time.monotonic()
        self.by_state[state][connection] = True
        if state in WAITING:
            self.waiting[connection.address] += 1

    def remove(self, connection):
        if connection.state is None:
            return
        del self.by_state[connection.state][connection]
        if connection.state in WAITING:
            self.waiting[connection.address] -= 1
            if not self.waiting[connection.address]:
                del self.waiting[connection.address]
        connection.state = None

    def oldest(self, states, address=None):
        """The one that has been longest in its state; None where there is none."""
        firsts = [
            next((each for each in self.by_state[state] if address in (None, each.address)), None)
            for state in states
        ]
        return min(filter(None, firsts), key=lambda each: each.since, default=None)

    def late(self):
        now = time.monotonic()
        states = self.by_state.items()
        return [each for state, all in states for each in all if now >= each.since + LIMITS[state]]


class Server(http.server.HTTPServer):
    """An HTTP server with one thread for each connection that has sent something. `context`: with
    it, it speaks TLS."""

    request_queue_size = 4096
    context = None

    def __init__(self, *given):
        self.lock = threading.Lock()
        self.kept = Kept()
        self.selector = selectors.DefaultSelector()
        self.looked = time.monotonic()
        super().__init__(*given)
        self.socket.setblocking(False)
        self.selector.register(self.socket, selectors.EVENT_READ)

    def server_bind(self):
        # http.server's own would look the host's name up, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def serve_forever(self, *_):
        while True:
            for key, _events in self.selector.select(LOOK):
                if key.data:
                    self.start(key.data)
            # After those that have sent something, so that a burst of new ones closes none of them.
            self.accept()
            if time.monotonic() >= self.looked + LOOK:
                self.looked = time.monotonic()
                self.close_late()

    def accept(self):
        for _ in range(ACCEPT_MAX):
            try:
                accepted, address = self.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in NO_ROOM and not self.make_room():
                    time.sleep(LOOK / 10)
                return
            if len(self.kept) >= CONNECTIONS_MAX and not self.make_room():
                accepted.close()
                continue
            accepted.setblocking(True)
            connection = Connection(accepted, address[0])
            with self.lock:
                self.kept.enter(connection, "silent")
            self.selector.register(accepted, selectors.EVENT_READ, connection)
            self.limit_address(connection.address)

    def start(self, connection):
        """It has sent its first byte, or is closed by the client."""
        self.selector.unregister(connection.socket)
        try:
            if not connection.socket.recv(1, socket.MSG_PEEK):
                return self.drop(connection)
        except OSError:
            return self.drop(connection)
        self.enter(connection, "asking")
        try:
            # threading.Thread would make this thread wait until that one runs.
            _thread.start_new_thread(self.serve, (connection,))
        except RuntimeError:  # no thread can be started
            self.drop(connection)

    def serve(self, connection):
        try:
            if self.context:
                # A handshake waits for the other side.
                secure = self.context.wrap_socket(
                    connection.socket, server_side=True, do_handshake_on_connect=False
                )
                with self.lock:
                    connection.socket = secure
                    if connection not in self.kept:  # closed meanwhile
                        return
                secure.do_handshake()
            self.RequestHandlerClass(connection.socket, connection, self)
        # A master that broke a connection off is no event.
        except (ConnectionError, TimeoutError, ssl.SSLError):
            pass
        except Exception:
            self.handle_error(connection.socket, connection.address)
        finally:
            self.drop(connection)

    def enter(self, connection, state):
        with self.lock:
            if connection in self.kept:
                self.kept.enter(connection, state)

    # Closing.

    def close_late(self):
        """Closes each that is over the time of its state."""
        with self.lock:
            late = self.kept.late()
        for connection in late:
            self.end(connection)

    def make_room(self):
        """Closes one that waits for its request, or else is idle. False: all are answering."""
        with self.lock:
            oldest = self.kept.oldest(WAITING)
            victim = oldest if is_stale(oldest) else self.kept.oldest(["idle"]) or oldest
        if victim:
            self.end(victim)
        return victim is not None

    def limit_address(self, address):
        with self.lock:
            is_over = self.kept.waiting[address] > WAITING_MAX
            oldest = self.kept.oldest(WAITING, address) if is_over else None
        if is_stale(oldest):
            self.end(oldest)

    def end(self, connection):
        """Closes a connection, and counts it no more. Its thread, if it has one, ends by it."""
        with self.lock:
            has_thread = connection.state != "silent"
            self.kept.remove(connection)
            try:
                # Not SSLSocket's own: it forgets that this is TLS, which its thread still reads.
                socket.socket.shutdown(connection.socket, socket.SHUT_RDWR)
            except OSError:
                pass
        if not has_thread:
            self.selector.unregister(connection.socket)
            connection.socket.close()

    def drop(self, connection):
        with self.lock:
            self.kept.remove(connection)
            connection.socket.close()


def is_stale(connection):
    return connection is not None and time.monotonic() >= connection.since + FRESH


class Handler(http.server.BaseHTTPRequestHandler):
    """Tells the server the state of its connection. A request handler calls `complete` when it has
    read a whole request."""

    protocol_version = "HTTP/1.1"  # masters keep connections open
    timeout = LIMITS["idle"]  # the server closes it earlier where another limit applies
    disable_nagle_algorithm = True
    wbufsize = -1  # one answer, one packet

    def __init__(self, request, tracked, server):
        self.tracked = tracked
        super().__init__(request, (tracked.address, 0), server)

    def handle_one_request(self):
        if not self.rfile.peek(1):
            self.close_connection = True
            return
        self.server.enter(self.tracked, "asking")
        super().handle_one_request()
        self.server.enter(self.tracked, "idle")

    def complete(self):
        self.server.enter(self.tracked, "answering")

    def log_message(self, *_):
        pass
