"""Registers with the master, then sends heartbeats (rules registers, beats)."""

import random
import time
import urllib.parse

from ..log import log

# The pause between tries to register, in seconds; doubled each time up to the limit.
REGISTER_AGAIN_MIN, REGISTER_AGAIN_MAX = 0.25, 5


class Heartbeats:
    def __init__(self, agent, master, callbacks, url):
        self.agent = agent
        self.master = master
        self.callbacks = callbacks
        # Where the master reaches this slave.
        self.url = url
        self.name = agent.offers.name

    def run(self, closed):
        """Runs until the event `closed` is set."""
        interval = None
        rest = REGISTER_AGAIN_MIN
        while not closed.is_set():
            if interval is None:
                try:
                    interval = self.register()
                    rest = REGISTER_AGAIN_MIN
                    log(f"registered with {self.master.url}")
                except Exception as error:
                    log(f"not registered yet: {error}")
                    self.rest_before_registering(rest * random.uniform(1, 1.1))
                    rest = min(rest * 2, REGISTER_AGAIN_MAX)
                    continue
            # Up to a tenth earlier or later, so that many slaves do not send theirs at once.
            self.wait(interval * random.uniform(0.9, 1.1))
            try:
                if self.beat():
                    interval = None
            except Exception as error:
                log(f"the master did not answer a heartbeat: {error}")

    def wait(self, seconds):
        """Ends early when a heartbeat is due because an offer was refused (rule notice)."""
        agent = self.agent
        with agent.lock:
            if agent.changed.wait_for(agent.offers.notice_is_due, seconds):
                agent.offers.notice_sent()

    def rest_before_registering(self, seconds):
        """Ends early when a master probes the slave, but not before the shortest pause is over."""
        time.sleep(REGISTER_AGAIN_MIN)
        agent = self.agent
        with agent.lock:
            agent.probed = False
            agent.changed.wait_for(lambda: agent.probed, max(0, seconds - REGISTER_AGAIN_MIN))

    def register(self):
        """Returns the interval of heartbeats, in seconds."""
        with self.agent.lock:
            registration = {**self.agent.card(), "url": self.url}
        reply = self.master.call("POST", "/slaves", registration)
        self.master.heard(reply)
        self.callbacks.wake()
        return reply["heartbeatMs"] / 1000

    def beat(self):
        """Sends one heartbeat; returns whether the master wants the slave to register again."""
        with self.agent.lock:
            heartbeat = {"state": self.agent.state(), "attempts": self.agent.attempts.held()}
        reply = self.master.call("POST", f"/slaves/{self.name}/heartbeat", heartbeat)
        self.master.heard(reply)
        self.callbacks.wake()
        if reply["revoke"]:
            self.agent.revoke(reply["revoke"])
        return reply["register"]

    def leave(self):
        """Says goodbye to the master (rule leaves)."""
        boot = urllib.parse.quote(self.agent.offers.boot)
        self.master.call("DELETE", f"/slaves/{self.name}?boot={boot}")
