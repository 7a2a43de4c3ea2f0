"""Accepts connections and decides which are kept. Each connection that has sent something has a thread;
the thread that accepts watches the silent ones.

Connections are limited in number, and those without a complete request also per address. When the limit
is reached, a new connection replaces one that waits; it is closed only if all others are answering. So a
client that opens connections and sends nothing cannot keep the master from connecting.
"""

import _thread
import errno
import http.server
import selectors
import socket
import socketserver
import ssl
import threading
import time

from .connections import CONNECTIONS_MAX, WAITING, WAITING_MAX, Connection, Kept, is_stale

# Late connections are closed this often, in seconds.
LOOK = 0.5
# Accepts at most this many before those that have sent something get their turn.
ACCEPT_MAX = 32
# The system has no file descriptor, or no memory, for another connection.
NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Server(http.server.HTTPServer):
    request_queue_size = 4096
    # With an ssl.SSLContext, the server speaks TLS.
    context = None
    # By method and path: a function of the parsed body that returns the response.
    routes = {}
    # The host name in the URL of this slave.
    hostname = None

    def __init__(self, *given):
        self.lock = threading.Lock()
        self.kept = Kept()
        self.selector = selectors.DefaultSelector()
        self.looked = time.monotonic()
        super().__init__(*given)
        self.socket.setblocking(False)
        self.selector.register(self.socket, selectors.EVENT_READ)

    def server_bind(self):
        # http.server's method would resolve the host's name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def serve_forever(self, *_):
        while True:
            for key, _events in self.selector.select(LOOK):
                if key.data:
                    self.start(key.data)
            # Last, so that a burst of new connections closes none that has sent something.
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
        """The client has sent the first byte, or has closed the connection."""
        self.selector.unregister(connection.socket)
        try:
            if not connection.socket.recv(1, socket.MSG_PEEK):
                return self.drop(connection)
        except OSError:
            return self.drop(connection)
        self.enter(connection, "asking")
        try:
            # threading.Thread would make this thread wait until the new one runs.
            _thread.start_new_thread(self.serve, (connection,))
        except RuntimeError:  # no thread can be started
            self.drop(connection)

    def serve(self, connection):
        try:
            if self.context:
                # The handshake waits for the other side, so it is done in this thread.
                secure = self.context.wrap_socket(
                    connection.socket, server_side=True, do_handshake_on_connect=False
                )
                with self.lock:
                    connection.socket = secure
                    if connection not in self.kept:  # closed in the meantime
                        return
                secure.do_handshake()
            self.RequestHandlerClass(connection.socket, connection, self)
        # A client that breaks a connection off is not worth a log line.
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
        with self.lock:
            late = self.kept.late()
        for connection in late:
            self.end(connection)

    def make_room(self):
        """Closes a connection that waits for its request, or else an idle one; returns False when all
        are answering."""
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
        """Closes a connection and stops counting it. Its thread, if it has one, then ends."""
        with self.lock:
            has_thread = connection.state != "silent"
            self.kept.remove(connection)
            try:
                # Not SSLSocket.shutdown: that ends TLS for the thread that still reads.
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
