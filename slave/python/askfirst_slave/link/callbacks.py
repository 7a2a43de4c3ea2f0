"""Delivers outcomes: repeats every callback until the master acknowledges it (rules repeats, rests)."""

import time

from ..failure import failed
from ..log import log
from .exchange import Refused, pause_after

# One request carries at most this many outcomes.
LIST_MAX = 64
# The pause after a failed request, in seconds (see pause_after).
REST_MIN, REST_MAX = 0.1, 5
# The master has read the outcomes and will never take them.
UNACCEPTABLE = (400, 413, 422)


class Callbacks:
    def __init__(self, agent, master):
        self.agent = agent
        self.master = master
        self.list_max = LIST_MAX
        self.failures = 0
        self.rest_until = 0.0
        # Whether the last request that failed had no response.
        self.had_no_response = False

    def deliver(self, closed):
        """Runs until the event `closed` is set."""
        while not closed.is_set():
            callbacks, request = self.next()
            try:
                reply = self.master.call("POST", "/callbacks", request)
                self.acknowledge(callbacks, reply["acknowledged"])
                self.list_max = LIST_MAX
            except Refused as refused:
                if refused.status in UNACCEPTABLE and len(callbacks) > 1:
                    # Shorter lists find the outcome at fault.
                    self.list_max = len(callbacks) // 2
                    continue
                if refused.status in UNACCEPTABLE:
                    self.replace(callbacks[0], refused)
                self.rest()
            except Exception as error:
                log(f"cannot deliver {len(callbacks)} outcomes: {error}")
                self.rest(had_no_response=True)

    def next(self):
        """Waits until there are callbacks and the pause is over; returns them, and their request."""
        agent = self.agent
        with agent.lock:
            while not agent.outbox or self.rest_until > time.monotonic():
                rest = self.rest_until - time.monotonic()
                agent.changed.wait(rest if agent.outbox else None)
            callbacks = agent.outbox.first(self.list_max)
            return callbacks, {"state": agent.state(), "callbacks": callbacks}

    def acknowledge(self, callbacks, attempts):
        with self.agent.lock:
            if self.agent.acknowledge(attempts):
                self.failures = 0
        if any(callback["attempt"] not in attempts for callback in callbacks):
            self.rest()

    def replace(self, callback, refused):
        """The task fails with the reason of the master (rules refused-outcome, refused-list)."""
        words = f"the master rejects the outcome: {refused}"
        callback["outcome"] = failed("evaluation", words)
        self.agent.outbox.save(callback)

    def rest(self, had_no_response=False):
        with self.agent.lock:
            self.failures += 1
            self.had_no_response = had_no_response
            self.rest_until = time.monotonic() + pause_after(self.failures, REST_MIN, REST_MAX)

    def wake(self):
        """The master has answered another request: the pause ends, if the last request had no response.
        A master that answers, but with an error or without acknowledging, is not tried more often."""
        with self.agent.lock:
            if not self.had_no_response:
                return
            self.failures = 0
            self.rest_until = 0.0
            self.agent.changed.notify_all()
