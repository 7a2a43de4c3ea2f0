"""The shell around the core: answers the master, starts and ends runs, and puts outcomes into the
outbox. It computes nothing, so it always answers at once.

Threads: one per HTTP connection, one per run, one for heartbeats, one for callbacks. What they share
is here and in the outbox; they use it while holding `lock`, and wait for changes on `changed`.
"""

import threading
import time

from . import VERSION
from .commands import COMMAND
from .core.attempts import Attempts
from .core.offers import Offers
from .executor.executor import Run
from .failure import failed
from .files.run_folders import RunFolders


class Agent:
    def __init__(self, name, boot, slots, kinds, master, outbox, executor, folder, cache=None, commands=None):
        """`master`: link.exchange.Master. `folder`: where runs have their folders. `cache`: of their files.
        `commands`: commands.commands.Commands; None when the slave runs no programs."""
        self.master = master
        self.outbox = outbox
        self.executor = executor
        self.cache = cache
        self.commands = commands
        self.folders = RunFolders(folder, commands is not None and commands.is_passed())
        kept = {callback["attempt"]: callback["task"] for callback in outbox.all()}
        self.attempts = Attempts(kept)
        if commands:
            programs = {"kinds": [*kinds, COMMAND], "unable": commands.unable}
        else:
            programs = {"kinds": kinds}
        self.offers = Offers(name, boot, slots, attempts=self.attempts, **programs)
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        # The run of each attempt that is running.
        self.runs = {}
        # A master asked for the card: the slave registers with less delay.
        self.probed = False

    # What the slave says of itself. The caller holds the lock.

    def card(self):
        commands = {"commands": self.commands.card()} if self.commands else {}
        return {
            "name": self.offers.name,
            "boot": self.offers.boot,
            "version": VERSION,
            "kinds": self.offers.kinds,
            "tags": ["python"],
            "slots": self.offers.slots,
            "features": ["files", "outputs", *commands],
            **commands,
        }

    def state(self):
        cache = {"cache": self.cache.state()} if self.cache else {}
        return {**self.offers.state(), **cache}

    # What it is asked.

    def availability(self):
        with self.lock:
            state = self.state()
        available = state["mode"] == "accepting" and state["free"] > 0
        message = "I am available." if available else "I am not available."
        return {"available": available, "message": message, **state}

    def probe(self):
        with self.lock:
            # The caller may be its master, just started: then registering need not wait.
            self.probed = True
            self.changed.notify_all()
            said = {"card": self.card(), "state": self.state(), "attempts": self.attempts.held()}
        return {**said, "reportsTo": self.master.reports_to()}

    def offer(self, request):
        """Takes or refuses each offer in one step under the lock (rule slots)."""
        with self.lock:
            answers, taken = self.offers.answer(request)
            runs = {offer["attempt"]: Run(offer) for offer in taken}
            self.runs.update(runs)
            for run in runs.values():
                self.start(run)
            return {"state": self.state(), "answers": answers}

    def revoke(self, attempts):
        with self.lock:
            for attempt in self.attempts.revoke(attempts):
                self.runs.pop(attempt).kill()
            self.changed.notify_all()
            return {"state": self.state()}

    # Running.

    def start(self, run):
        """Starts the thread of a run; if there can be none, the run ends at once. The caller holds the
        lock."""
        try:
            threading.Thread(target=self.run, args=(run,), daemon=True).start()
        except RuntimeError as error:  # no thread can be started
            callback = callback_of(run, not_run(error), 0)
            self.outbox.save(callback)
            self.end(run, callback)

    def run(self, run):
        """Computes one run, and puts its outcome into the outbox."""
        began = time.monotonic()
        try:
            with self.folders.folder() as folder:
                outcome = self.executor.compute(run, folder)
        except Exception as error:  # the master needs an outcome, whatever happened
            outcome = not_run(error)
        callback = callback_of(run, outcome, time.monotonic() - began)
        if not run.killed:
            self.outbox.save(callback)
        with self.lock:
            if run.killed:
                self.outbox.discard(run.attempt)
            else:
                self.end(run, callback)

    def end(self, run, callback):
        """The run is over, and its callback is saved. The caller holds the lock."""
        del self.runs[run.attempt]
        self.outbox.add(callback)
        self.attempts.end(run.attempt)
        self.changed.notify_all()

    def acknowledge(self, attempts):
        """The master has these outcomes; returns whether one of them was in the outbox. The caller holds
        the lock."""
        settled = [attempt for attempt in attempts if self.settle(attempt)]
        self.changed.notify_all()
        return settled != []

    def settle(self, attempt):
        if not self.attempts.acknowledge(attempt):
            return False
        self.outbox.remove(attempt)
        return True

    # Stopping.

    def drain(self, reason, seconds):
        """Takes nothing new; returns when nothing runs and every outcome is acknowledged, at the
        latest after so many seconds."""
        with self.lock:
            self.offers.drain(reason)
            self.changed.notify_all()
            idle = lambda: not self.attempts.running and not self.attempts.ended  # noqa: E731
            self.changed.wait_for(idle, seconds)

    def close(self):
        """Kills what still runs."""
        with self.lock:
            for run in self.runs.values():
                run.kill()


def callback_of(run, outcome, seconds):
    """The callback of a run that took so many seconds."""
    return {
        "attempt": run.attempt,
        "task": run.offer["task"],
        "outcome": outcome,
        "ranMs": round(seconds * 1000, 3),
    }


def not_run(error):
    return failed("executor-crashed", f"could not be run: {error}")
