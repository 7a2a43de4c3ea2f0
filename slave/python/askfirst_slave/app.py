"""The slave without its process: makes the parts, and starts their threads."""

import os
import threading
import urllib.parse
import uuid

from . import kinds
from .agent import Agent
from .commands.confinement import close_data
from .executor.executor import Executor
from .files.cache import Cache
from .link.callbacks import Callbacks
from .link.exchange import Master
from .link.heartbeats import Heartbeats
from .link.outbox import Outbox
from .log import log
from .routes.availability import availability_routes
from .routes.handler import Handler
from .routes.offers import offer_routes
from .routes.server import Server
from .security.renewal import renew_in_time


class App:
    def __init__(self, given):
        """Listens; answers after `start`. `given`: see settings.py."""
        identity = given.identity
        self.server = Server((given.host, given.port), Handler)
        scheme = "http"
        if identity:
            self.server.context, scheme = identity.server_context(), "https"
        self.url = given.advertise or f"{scheme}://{given.host}:{self.server.server_port}"
        cache = (os.path.join(given.data, "cache"), given.cache_bytes_max)
        commands = given.programs
        master = Master(identity.master if identity else given.master.rstrip("/"), identity)
        self.agent = Agent(
            name=given.name,
            # New for every run of this process (rule new-boot): no message to an earlier run can be
            # taken for one to this run.
            boot=str(uuid.uuid4()),
            slots=given.slots,
            kinds=kinds.offered(),
            master=master,
            outbox=Outbox(os.path.join(given.data, "outbox")),
            executor=Executor(
                master.url, identity.folder if identity else None, self.url, cache, commands
            ),
            cache=Cache(*cache),
            folder=os.path.join(given.data, "work"),
            commands=commands,
        )
        if commands and commands.owner:
            close_data(given.data, self.agent.folders.root, commands.is_passed())
        self.server.routes = {**availability_routes(self.agent), **offer_routes(self.agent)}
        self.server.hostname = urllib.parse.urlsplit(self.url).hostname
        self.identity = identity
        self.callbacks = Callbacks(self.agent, master)
        self.heartbeats = Heartbeats(self.agent, master, self.callbacks, self.url)
        self.closed = threading.Event()

    def start(self):
        closed = self.closed
        work = [
            (self.server.serve_forever,),
            (self.heartbeats.run, closed),
            (self.callbacks.deliver, closed),
        ]
        if self.identity:
            work.append((renew_in_time, self.identity, closed))
        for run, *args in work:
            threading.Thread(target=run, args=args, daemon=True).start()

    def stop(self, reason, seconds):
        """Takes nothing new, finishes and delivers what it has, and says goodbye to the master (rules
        drains, finishes, leaves). After so many seconds it stops waiting; outcomes that the master has
        not acknowledged stay on disk for the next run."""
        self.agent.drain(reason, seconds)
        self.closed.set()
        try:
            self.heartbeats.leave()
        except Exception as error:
            log(f"cannot deregister at the master: {error}")
        self.agent.close()
