"""The process of the slave: settings, signals, exit."""

import os
import signal
import time

from .app import App
from .settings import read_settings


def main():
    os.umask(0o077)  # only this user can read inputs and results
    given = read_settings()
    told = []

    def on_signal(number, _frame):
        if told:
            os._exit(1)  # the second signal ends it at once
        told.append(signal.Signals(number).name)

    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), on_signal)

    app = App(given)
    app.start()
    print(f"{given.name} listens at {app.url}", flush=True)

    # Not threading.Event: the signal may reach another thread, and then it does not wake this one (seen
    # when the process was stopped and continued). And a signal handler must not take a lock.
    while not told:
        time.sleep(0.1)
    app.stop(f"received {told[0]}", given.drain_ms / 1000)
    os._exit(0)


if __name__ == "__main__":
    main()
