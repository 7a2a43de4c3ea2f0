"""States of the HTTP server's connections, and their limits (as shared/http/connection-limits.ts).

    silent --(first byte)--> asking --(request complete)--> answering --(answered)--> idle
                                ^                                                      |
                                +---------------------(first byte)---------------------+
"""

import collections
import time

CONNECTIONS_MAX = 256
# Connections of one address without a complete request.
WAITING_MAX = 128
WAITING = ("silent", "asking")
# How long a connection may stay in each state, in seconds.
LIMITS = {"silent": 5, "asking": 30, "answering": 30, "idle": 75}
# A connection in its state for less than this may have sent a request that is not read yet: another is
# closed first. In seconds.
FRESH = 1


class Connection:
    def __init__(self, accepted, address):
        self.socket = accepted
        self.address = address
        self.state = None
        self.since = 0.0


class Kept:
    """The open connections by state; within a state, in the order in which they entered it. The caller
    holds the server's lock."""

    def __init__(self):
        self.by_state = {state: {} for state in LIMITS}
        # By address: the number of connections without a complete request.
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
        """The connection that has been in its state for the longest time; None when there is none."""
        firsts = [
            next((each for each in self.by_state[state] if address in (None, each.address)), None)
            for state in states
        ]
        return min(filter(None, firsts), key=lambda each: each.since, default=None)

    def late(self):
        """Those that are over the time of their state."""
        now = time.monotonic()
        states = self.by_state.items()
        return [each for state, all in states for each in all if now >= each.since + LIMITS[state]]


def is_stale(connection):
    return connection is not None and time.monotonic() >= connection.since + FRESH
